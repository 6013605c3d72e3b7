-- A game for LOVE 11 that opens 50 guild halls in a second, each with a trunk
-- of its own, and misses no frame. With the lines that `make sandbox` prints in
-- the environment, and the module installed for Lua 5.1:
--
--   love examples/love             HEADLESS=1 love examples/love
--
-- HALLS: how many halls; QUIT=no: goes on when all are there.
-- luacheck: globals love

local trunking = require "trunking"

local RATE = 50 -- halls a second
local HALLS = tonumber(os.getenv "HALLS") or 50

local halls = { begun = 0, made = 0, failed = 0 }
local due = 0 -- halls that are to be begun, and a part of one

-- Takes microseconds: the client's thread does the rest.
local function begin()
  halls.begun = halls.begun + 1
  local job, err = trunking.async.create {
    friendly_name = "Hall " .. halls.begun }
  if job then return end
  halls.failed = halls.failed + 1
  print(tostring(err))
end

-- Each job that has finished since the frame before, once.
local function collect()
  for job in trunking.poll do
    local trunk, err = job:result()
    if trunk then
      halls.made = halls.made + 1
    else
      halls.failed = halls.failed + 1
      print(err.outcome, tostring(err))
    end
  end
end

function love.load()
  if os.getenv "TRUNKING_BASE_URL" then return end
  print "This creates many trunks, so it wants the sandbox: make sandbox"
  love.event.quit(2)
end

function love.update(dt)
  collect()
  due = math.min(due + dt * RATE, HALLS - halls.begun)
  while due >= 1 do
    due = due - 1
    begin()
  end
  local over = halls.made + halls.failed == HALLS
  if over and os.getenv "QUIT" ~= "no" then
    love.event.quit(halls.failed == 0 and 0 or 1)
  end
end

function love.draw()
  love.graphics.print(("%d halls, %d on their way"):format(halls.made,
    trunking.in_flight()), 20, 20)
end

-- The window is closed, or the program told to end: calls that are on their
-- way are given up, and each says whether its trunk may exist.
function love.quit()
  collect()
  print(("%d begun, %d made, %d failed, %d on their way"):format(halls.begun,
    halls.made, halls.failed, trunking.in_flight()))
end
