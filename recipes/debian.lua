#!/usr/bin/env -S sdme run
-- Debian from nothing but a mirror.
--
--     sdme run recipes/debian.lua [SUITE [MIRROR]]

local debian <const> = dofile((arg[0]:match "^(.*/)" or "./") .. "support/debian.lua")

return debian(arg[1], arg[2])
