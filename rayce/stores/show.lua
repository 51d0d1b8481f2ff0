-- What a worker has folded. Never grants anything: the consent in the header stays as it is, and a denial stays a denial.
-- KEYS[1]  rf:{tag}:bucket, hash of packed flags (rayce/segments/flags.py)
-- KEYS[2]  rp:{tag}:digest, encoded profile
-- KEYS[3…] lists to keep in line (lists.lua)
-- ARGV[1]  field of the person
-- ARGV[2]  packed flags, consent unknown; empty: forget the person, the consent stays
-- ARGV[3]  encoded profile
-- ARGV[4]  seconds that the profile is kept
-- ARGV[5…] member and bits of the lists
-- returns  1: shown, 0: denied
local known = redis.call('HGET', KEYS[1], ARGV[1])
local consent = 0
if known and #known >= 3 then
  consent = string.byte(known, 3) % 16
end
local denied = consent >= 8 and consent % 2 == 0
local flags = ARGV[2]
if denied or flags == '' then
  if consent >= 8 then
    redis.call('HSET', KEYS[1], ARGV[1], string.char(0, 0, consent))
  else
    redis.call('HDEL', KEYS[1], ARGV[1])
  end
  redis.call('DEL', KEYS[2])
  relist('', 2, 4)
  return denied and 0 or 1
end
if #flags >= 3 then
  if consent > 0 then
    local low = string.byte(flags, 3)
    flags = string.sub(flags, 1, 2) .. string.char(low - low % 16 + consent) .. string.sub(flags, 4)
  end
  redis.call('HSET', KEYS[1], ARGV[1], flags)
end
redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4])
relist(#flags >= 3 and flags or known or '', 2, 4)
return 1
