// fenqi.v1.Quoting over the engine: Quote, Schedule and AnnualRate, each worker with its own
// Quoter.
#pragma once

#include <memory>

#include "engine/engine.h"
#include "server/service.h"

namespace fenqi::server {

std::unique_ptr<Service> make_quoting_service(std::shared_ptr<const engine::Engine> engine);

}  // namespace fenqi::server
