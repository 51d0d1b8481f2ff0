-- Leaner flags in place of the same: only where they are still those that were read. The consent stays as it is.
-- KEYS[1]  rf:{tag}:bucket, hash of packed flags (rayce/segments/flags.py)
-- ARGV[1]  field of the person
-- ARGV[2]  flags as they were read, consent unknown
-- ARGV[3]  the leaner ones, consent unknown: the same permanent flags, so that no list changes
-- returns  1: these are there now, 0: there are others
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known or #known < 3 then
  return 0
end
local low = string.byte(known, 3)
local consent = low % 16
local flags = string.sub(known, 1, 2) .. string.char(low - consent) .. string.sub(known, 4)
if flags == ARGV[3] then
  return 1
end
if flags ~= ARGV[2] then
  return 0
end
low = string.byte(ARGV[3], 3)
redis.call('HSET', KEYS[1], ARGV[1], string.sub(ARGV[3], 1, 2) .. string.char(low - low % 16 + consent) .. string.sub(ARGV[3], 4))
return 1
