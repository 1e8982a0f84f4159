// Frees what was replaced, on a thread of low priority, and gives the memory back to the system.
//
// A request never frees a release or a workspace: whoever lets go of one hands it over here, which
// takes no lock and no memory.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>

namespace fenqi::engine {

// What can be handed over. Belongs to one owner at a time.
class Reclaimable {
 public:
  virtual ~Reclaimable() = default;

 private:
  friend class Reclaimer;
  Reclaimable* next_ = nullptr;
};

class Reclaimer {
 public:
  Reclaimer() = default;
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;
  // Frees what is left. Where start() was called, stop() must have been.
  ~Reclaimer();

  // Starts the thread; a second call does nothing.
  void start();
  // Frees what was handed over so far and ends the thread. What comes later is freed by whoever
  // hands it over.
  void stop();

  // Frees `object` soon. What comes before start() waits for it.
  void take(std::unique_ptr<Reclaimable> object);

  // Frees on the calling thread what was handed over so far; false where there was nothing. For
  // those who are about to take much memory: where the machine leaves the reclaimer no time, the
  // old must not pile up while the new comes in.
  bool free_all();

 private:
  void serve();

  std::atomic<Reclaimable*> handed_over_{nullptr};
  std::counting_semaphore<> work_{0};
  std::atomic<bool> stopped_{false};
  std::once_flag started_;
  std::thread thread_;
};

}  // namespace fenqi::engine
