std = "lua54"
max_line_length = 100
-- What is closed at the end of its block need not be used before.
ignore = { "211/.*lock", "211/guard", "211/_.*" }
files["spec"] = { std = "lua54+busted" }
-- What describes functions in C has their names and no bodies.
files["src/lua"] = { unused = false, redefined = false }
-- What a prompt has at hand are globals.
files["examples/session.lua"] = { globals = { "c", "changes", "session", "sh" } }
