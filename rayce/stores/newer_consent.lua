-- Keeps the newest decision of a person, whoever writes it: the edge, the log, or a backfill.
-- KEYS[1]  rc:{bucket}, hash of consent records: one byte of purposes, six bytes of big-endian milliseconds
-- ARGV[1]  field of the person
-- ARGV[2]  the record
local known = redis.call('HGET', KEYS[1], ARGV[1])
if not known or string.sub(known, 2) <= string.sub(ARGV[2], 2) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 0
