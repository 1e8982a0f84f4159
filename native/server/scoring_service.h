// fenqi.v1.Scoring over the engine: Score, ScoreBatch and ScoreStream.
//
// Each worker scores on its own thread with its own Scorer. The answer's trailer
// `fenqi-stage-us` says how many microseconds went into each stage.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "server/service.h"

namespace fenqi::server {

// `engine` must have a release published before the server starts, or calls fail until it has.
std::unique_ptr<Service> make_scoring_service(std::shared_ptr<engine::Engine> engine);

}  // namespace fenqi::server
