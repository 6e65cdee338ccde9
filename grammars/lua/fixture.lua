--- Timers.
-- @module timers
local clock = require("system.clock")
--                     ^^^^^^^^^^^^ import "system.clock"
require "system.compat"
--       ^^^^^^^^^^^^^ import "system.compat"
dofile("extra.lua")
--      ^^^^^^^^^ import "extra.lua"

local M = {}

local defaults = {
--    ^^^^^^^^ constant defaults
  step = 1,
  label = "⏰",
  on_error = function(message) print(message) end,
--                             ^^^^^ call
}

M.units = {
--^^^^^ constant M.units
  second = 1,
  minute = 60,
}

--- Starts a timer.
-- Runs at once.
-- @param step seconds
function M.start(step, ...)
--         ^^^^^ method M.start doc="Starts a timer. Runs at once. @param step seconds"
  local function tick() return step end
  local handle = clock.every(step, M.on_tick)
--                     ^^^^^ call
--                                   ^^^^^^^ name
  handle:resume { now = clock.now() }
--       ^^^^^^ call
--                ^^^ call
  return setmetatable(handle, Timer_meta)
--       ^^^^^^^^^^^^ call
--                            ^^^^^^^^^^ name
end

function M:stop() self:release(defaults.step); M.log"stopped" end
--         ^^^^ method M.stop
--                     ^^^^^^^ call
--                                               ^^^ call
--                                      ^^^^ name

function M.pool.größe() return #M.pool end
--              ^^^^^ method M.pool.größe

-- Halves a step.
local function half(step) return step / 2 end
--             ^^^^ function half doc="Halves a step."

local twice = function(step)
--    ^^^^^ function twice
  return M.scale(step, 2)
--         ^^^^^ call
end

M.on_tick = function(timer) timer.count = timer.count + 1 end
--^^^^^^^ method M.on_tick

--[[ Global, for scripts.
     Deprecated. ]]
function every(step, call) return M.start(step, call) end
--       ^^^^^ function every doc="Global, for scripts. Deprecated."
--                                  ^^^^^ call

later = function(call) return every(1, call) end
-- <- function later
--                            ^^^^^ call

setmetatable(M, {
  __call = function(_, step) return M.start(step) end,
--^^^^^^ method __call
  ["__len"] = function(timers) return count_all(timers) end,
--  ^^^^^ method __len
--                                    ^^^^^^^^^ call
})

describe("timers", function()
--        ^^^^^^ module timers
  it("starts", function()
--    ^^^^^^ function timers.starts
    assert.truthy(M.start(1))
--         ^^^^^^ call
  end)
end)

return M
