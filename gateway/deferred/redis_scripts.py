"""Scripts of the queue in Redis, each of which moves an upload in one step.

``KEYS`` are always the same four: the stream of intents, the stream of uploads that are due or at
work, the sorted set of those that are due later, and the sorted set of owners with the end of their
leases. Leases end by the clock of Redis, milliseconds.
"""

from typing import Final

_NOW: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

INTEND: Final = """
local count = redis.call('XLEN', KEYS[1]) + redis.call('XLEN', KEYS[2])
count = count + redis.call('ZCARD', KEYS[3])
if count >= tonumber(ARGV[1]) then return false end
return redis.call('XADD', KEYS[1], '*', 'o', ARGV[2], 'u', ARGV[3], 'a', ARGV[4])
"""
"""Add an intent: most uploads, owner, upload, time. Return its ID; nil: the queue is full."""

CONFIRM: Final = """
redis.call('XDEL', KEYS[1], ARGV[1])
return redis.call('XADD', KEYS[2], '*', 'u', ARGV[2], 'a', ARGV[3], 'n', '0')
"""
"""Make an intent an upload: ID of the intent, upload, time."""

LATER: Final = (
    _NOW
    + """
if ARGV[1] ~= '' then redis.call('XDEL', KEYS[1], ARGV[1]) end
if ARGV[2] ~= '' then
    redis.call('XACK', KEYS[2], ARGV[3], ARGV[2])
    if redis.call('XDEL', KEYS[2], ARGV[2]) == 0 then return 0 end
end
return redis.call('ZADD', KEYS[3], now + tonumber(ARGV[5]), ARGV[4])
"""
)
"""Queue for later: ID of an intent, ID of an upload, group, member, pause in milliseconds."""

RENEW: Final = (
    _NOW
    + """
redis.call('ZADD', KEYS[4], now + tonumber(ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - 86400000)
local function push(u, a, n)
    redis.call('XADD', KEYS[2], '*', 'u', u, 'a', a, 'n', n)
end
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 1000)
for _, member in ipairs(due) do
    redis.call('ZREM', KEYS[3], member)
    local entry = cjson.decode(member)
    push(entry['u'], entry['a'], entry['n'])
end
local first = '-'
for _ = 1, 100 do
    local intents = redis.call('XRANGE', KEYS[1], first, '+', 'COUNT', 100)
    for _, intent in ipairs(intents) do
        local fields = intent[2]
        local until_ = redis.call('ZSCORE', KEYS[4], fields[2])
        if not until_ or tonumber(until_) < now then
            redis.call('XDEL', KEYS[1], intent[1])
            push(fields[4], fields[6], '0')
        end
        first = '(' .. intent[1]
    end
    if #intents < 100 then break end
end
return #due
"""
)
"""Renew the lease of an owner, and queue what is due or was lost: owner, lease in milliseconds."""
