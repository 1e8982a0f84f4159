#include "engine/workspace.h"

#include <algorithm>
#include <utility>

namespace fenqi::engine {

Workspace::Workspace(std::shared_ptr<const Release> of)
    : release(std::move(of)),
      registers(release->program().register_count()),
      counters(release->row().counter_count()),
      margins(release->models().size()),
      reasons(*release) {
  release->program().load_constants(registers);
  std::size_t most_parts = 0;
  for (const ModelSlot& slot : release->models()) {
    most_parts = std::max(most_parts, slot.contributions.size());
  }
  for (const Scorecard& card : release->scorecards()) {
    most_parts = std::max(most_parts, card.contributions.size());
  }
  parts.resize(most_parts);
  if (release->offer_plan() != nullptr) search = std::make_unique<offers::SearchScratch>();
}

Result<std::unique_ptr<Workspace>> Workspace::create(std::shared_ptr<const Release> release) {
  std::unique_ptr<Workspace> workspace(new Workspace(std::move(release)));
  for (const ModelSlot& slot : workspace->release->models()) {
    auto run = models::ModelRun::create(slot.model);
    if (!run.ok()) return run.status();
    workspace->runs.push_back(std::move(run.value()));
    auto& explaining = workspace->explanations.emplace_back();
    if (slot.explanation != nullptr) explaining.emplace(slot.explanation);
  }
  return workspace;
}

}  // namespace fenqi::engine
