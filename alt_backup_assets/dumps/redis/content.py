"""What Redis holds, key by key: counts, lengths, streams and their consumer groups.

A key that expires is counted and not looked into: in a drill its time may be over. Keep out:
when this is taken, and what it is compared with.

Source: Redis documentation, SCAN, XINFO STREAM, XINFO GROUPS, XINFO CONSUMERS, EVAL_RO, INFO.
"""

from __future__ import annotations

from alt_backup_assets.dumps.inventory import Item
from alt_backup_assets.dumps.redis.cli import RedisCli, fields
from alt_backup_assets.errors import ToolFailed

UNIT = "entries"
_READ_ONLY_SCRIPTS = 7
_KEYS_PER_CALL = 5000

# One call answers with the next cursor, a line per key or group, and a last line. Names go as
# hexadecimal digits, numbers and identifiers as Redis prints them.
_SCRIPT = """
local function hex(s) return (s:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) end
local function map(list)
  local found = {}
  for i = 1, #list, 2 do found[list[i]] = list[i + 1] end
  return found
end
local function text(value)
  if type(value) == 'number' then return ('%.0f'):format(value) end
  if type(value) == 'table' then
    local parts = {}
    for i = 1, #value do parts[i] = text(value[i]) end
    return '(' .. table.concat(parts, ',') .. ')'
  end
  if type(value) == 'string' then return hex(value) end
  return '-'
end
local function pick(info, names)
  local parts = {}
  for i, name in ipairs(names) do parts[i] = text(info[name]) end
  return redis.sha1hex(table.concat(parts, ' '))
end
local length = {string='STRLEN', list='LLEN', set='SCARD', zset='ZCARD', hash='HLEN'}
local lines = {}
local function stream(key)
  local info = map(redis.call('XINFO', 'STREAM', key))
  local known = pick(info, {'length', 'last-generated-id', 'max-deleted-entry-id',
    'entries-added', 'first-entry', 'last-entry'})
  lines[#lines + 1] = table.concat({'stream', hex(key), text(info['length']), known}, ' ')
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    group = map(group)
    group['each'] = {}
    for i, each in ipairs(redis.call('XINFO', 'CONSUMERS', key, group['name'])) do
      each = map(each)
      group['each'][i] = hex(each['name']) .. ' ' .. text(each['pending'])
    end
    table.sort(group['each'])
    local at = pick(group, {'last-delivered-id', 'entries-read', 'pending', 'each'})
    lines[#lines + 1] = table.concat({'group', hex(key), text(group['pending']), at,
      hex(group['name'])}, ' ')
  end
end
local cursor, seen = ARGV[1], 0
repeat
  local found = redis.call('SCAN', cursor, 'COUNT', 500)
  cursor = found[1]
  for _, key in ipairs(found[2]) do
    seen = seen + 1
    if redis.call('PTTL', key) == -1 then
      local kind = redis.call('TYPE', key)['ok']
      if kind == 'stream' then stream(key)
      elseif length[kind] then
        local size = text(redis.call(length[kind], key))
        lines[#lines + 1] = table.concat({kind, hex(key), size, '-'}, ' ')
      else lines[#lines + 1] = table.concat({kind, hex(key), '0', '-'}, ' ') end
    end
  end
until cursor == '0' or seen >= tonumber(ARGV[2])
table.insert(lines, 1, cursor)
lines[#lines + 1] = 'end'
return lines
"""
_WORDS = {"stream": 4, "group": 5}


def take(cli: RedisCli, version: str) -> tuple[Item, ...]:
    """Take the content of every database.

    Args:
        cli: How the server is talked to.
        version: Its version; before Redis 7 there are no scripts that only read.

    Raises:
        ToolFailed: It refused, or answered with something else.
    """
    (reply,) = cli.ask(("INFO", "keyspace"))
    databases = _databases(reply)
    items = [Item(name="databases with keys", count=len(databases))]
    for number, counts in databases.items():
        items += [
            Item(name=f"db{number} keys", count=counts["keys"]),
            Item(name=f"db{number} keys that expire", count=counts["expires"]),
            *_items(number, _lines(cli, number, major(version))),
        ]
    return tuple(sorted(items, key=lambda item: item.name))


def major(version: str) -> int:
    """Return the major number of a version such as ``7.0.15``; 0 where it has none."""
    first = version.partition(".")[0]
    return int(first) if first.isdecimal() else 0


def _databases(reply: str) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    try:
        for name, value in fields(reply).items():
            counts = dict(part.split("=") for part in value.split(","))
            wanted = {key: int(counts[key]) for key in ("keys", "expires")}
            found[int(name.removeprefix("db"))] = wanted
    except (ValueError, KeyError):
        raise ToolFailed(f"INFO keyspace was answered with {reply[:80]!r}") from None
    return found


def _lines(cli: RedisCli, database: int, version: int) -> list[list[str]]:
    """Return the words of every line, each key and group once: SCAN may come by twice."""
    verb = "EVAL_RO" if version >= _READ_ONLY_SCRIPTS else "EVAL"
    found: dict[tuple[str, ...], list[str]] = {}
    cursor = "0"
    while True:
        command = (verb, " ".join(_SCRIPT.split()), "0", cursor, str(_KEYS_PER_CALL))
        (reply,) = cli.ask(command, database=database)
        cursor, *lines = reply.splitlines() or [""]
        if not cursor.isdecimal() or not lines or lines.pop() != "end":
            raise ToolFailed(f"{cli.place.label}: the keys of db{database} came back cut short")
        for words in (line.split(" ") for line in lines):
            if len(words) != _WORDS.get(words[0], 4) or not words[2].isdecimal():
                raise ToolFailed(f"{cli.place.label}: db{database} has an odd answer: {words[:1]}")
            found[(words[0], words[1], *words[4:])] = words
        if cursor == "0":
            return list(found.values())


def _items(database: int, lines: list[list[str]]) -> list[Item]:
    items: list[Item] = []
    totals: dict[str, tuple[int, int]] = {}
    for kind, key, count, content, *group in lines:
        where = f"db{database} stream {_name(key)}"
        if kind == "stream":
            items.append(Item(name=where, count=int(count), content=content))
        elif kind == "group":
            name = f"{where} group {_name(group[0])} pending"
            items.append(Item(name=name, count=int(count), content=content))
        if kind != "group":
            keys, total = totals.get(kind, (0, 0))
            # the length of a stream is told by its own item
            totals[kind] = (keys + 1, total + (int(count) if kind != "stream" else 0))
    for kind, (keys, total) in totals.items():
        items.append(
            Item(name=f"db{database} lasting {kind} keys", count=keys, content=f"length {total}")
        )
    return items


def _name(hexadecimal: str) -> str:
    """Return a name as text, in quotes; bytes that are no visible ASCII are escaped."""
    return ascii(bytes.fromhex(hexadecimal))[1:]
