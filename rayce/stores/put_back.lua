-- What durable memory has of a person, after a miss: its consent unless a newer decision is known here, its flags and profile
-- unless there are some here.
-- KEYS[1]  rf:{tag}:bucket, hash of packed flags (rayce/segments/flags.py)
-- KEYS[2]  rp:{tag}:digest, encoded profile
-- KEYS[3]  rc:{tag}:bucket:field, the guard: the newest decision of late
-- KEYS[4…] lists to keep in line (lists.lua)
-- ARGV[1]  field of the person
-- ARGV[2]  packed flags, consent unknown; empty: none
-- ARGV[3]  encoded profile; empty: none
-- ARGV[4]  seconds that the profile is kept
-- ARGV[5]  the consent record: one byte of purposes, six bytes of big-endian milliseconds; empty: none
-- ARGV[6…] member and bits of the lists
-- returns  1: put back, 0: denied
local function moment(record)
  local sum = 0
  for i = 2, 7 do
    sum = sum * 256 + string.byte(record, i)
  end
  return sum
end
local known = redis.call('HGET', KEYS[1], ARGV[1])
local consent, has_flags = 0, false
if known and #known >= 3 then
  consent = string.byte(known, 3) % 16
  has_flags = #known > 3 or string.byte(known, 1) + string.byte(known, 2) > 0 or string.byte(known, 3) >= 32
end
local record = ARGV[5]
if record ~= '' then
  local guard = redis.call('GET', KEYS[3])
  if not guard or guard == record or moment(guard) < moment(record) then
    consent = 8 + string.byte(record, 1)
  end
end
if consent >= 8 and consent % 2 == 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.char(0, 0, consent))
  redis.call('DEL', KEYS[2])
  relist('', 3, 5)
  return 0
end
local flags = has_flags and known or ARGV[2]
if #flags >= 3 then
  local low = string.byte(flags, 3)
  redis.call('HSET', KEYS[1], ARGV[1], string.sub(flags, 1, 2) .. string.char(low - low % 16 + consent) .. string.sub(flags, 4))
elseif consent > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.char(0, 0, consent))
end
relist(flags, 3, 5)
if ARGV[3] ~= '' then
  redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4], 'NX')
end
return 1
