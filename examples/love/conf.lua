-- HEADLESS=1: no window, for a machine without a screen.
-- luacheck: globals love

function love.conf(t)
  local screen = not os.getenv "HEADLESS"
  t.identity = "trunks"
  t.window.title = "Guild halls"
  t.modules.window, t.modules.graphics = screen, screen
  for _, name in ipairs { "audio", "sound", "joystick", "physics", "touch",
    "video" } do
    t.modules[name] = false
  end
end
