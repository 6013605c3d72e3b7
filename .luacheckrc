-- 5.1 to 5.5 and LuaJIT in one tree.
std = "max"
max_line_length = 80
files["spec/**/*_spec.lua"].std = "+busted"
files["spec/support/helper.lua"].std = "+busted"
files["spec/pure/sandbox_spec.lua"].max_line_length = 90
