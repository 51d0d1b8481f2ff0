-- Before each script that writes flags: the membership lists of the person follow what was written, in the same step, so that
-- no reader, no failover and no late writer finds one without the other. Lists live in the person's slot. What is said is
-- absolute (in or not in), so saying it again does no harm. Who wants no list passes no keys of lists.
-- value       flags as they are now; '' or three bytes: none
-- keys        how many keys come before those of the lists (rm:{tag}:bit:tenant, sets of members)
-- arguments   how many arguments come before the member, which is followed by the lists' bit numbers
local function relist(value, keys, arguments)
  local start = 3
  if #value >= 8 and math.floor(string.byte(value, 3) / 16) % 2 == 1 then
    start = 8 + 6 * string.byte(value, 8)
  end
  for i = 1, #KEYS - keys do
    local bit = tonumber(ARGV[arguments + 1 + i])
    local byte = string.byte(value, start + 1 + math.floor(bit / 8)) or 0
    local call = math.floor(byte / 2 ^ (bit % 8)) % 2 == 1 and 'SADD' or 'SREM'
    redis.call(call, KEYS[keys + i], ARGV[arguments + 1])
  end
end
