-- A decision of a person: the newest stands, whoever brings it. A denial forgets everything but itself.
-- KEYS[1]  rf:{tag}:bucket, hash of packed flags (rayce/segments/flags.py)
-- KEYS[2]  rp:{tag}:digest, encoded profile
-- KEYS[3]  rc:{tag}:bucket:field, the guard: the newest decision of late
-- KEYS[4…] lists that a denial takes the person out of (lists.lua)
-- ARGV[1]  field of the person
-- ARGV[2]  the decision: one byte of purposes, six bytes of big-endian milliseconds (rayce/consent.py)
-- ARGV[3]  seconds that the guard is kept
-- ARGV[4]  1: durable memory has it already (the edge). 0: it comes through the log, maybe late: it denies at once, but where it
--          grants, and the edge has not said the same, the consent becomes unknown, so that the next read asks durable memory
-- ARGV[5…] member and bits of the lists
-- returns  1: it stands, 0: a newer one does
local function moment(record)
  local sum = 0
  for i = 2, 7 do
    sum = sum * 256 + string.byte(record, i)
  end
  return sum
end
local decision = ARGV[2]
local purposes = string.byte(decision, 1)
local denied = purposes % 2 == 0
local guard = redis.call('GET', KEYS[3])
if guard then
  local ahead = moment(guard) - moment(decision)
  if ahead > 0 or (ahead == 0 and not denied) then
    return 0
  end
end
redis.call('SET', KEYS[3], decision, 'EX', ARGV[3])
if denied then
  redis.call('HSET', KEYS[1], ARGV[1], string.char(0, 0, 8 + purposes))
  redis.call('DEL', KEYS[2])
  relist('', 3, 4)
  return 1
end
local consent = ARGV[4] == '1' and 8 + purposes or 0
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and #known >= 3 and not (#known == 3 and string.byte(known, 1) + string.byte(known, 2) == 0 and string.byte(known, 3) < 32) then
  local low = string.byte(known, 3)
  redis.call('HSET', KEYS[1], ARGV[1], string.sub(known, 1, 2) .. string.char(low - low % 16 + consent) .. string.sub(known, 4))
elseif consent > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], string.char(0, 0, consent))
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 1
