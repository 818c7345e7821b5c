-- Wireshark dissector for Forebay's wire protocol, version 1 (WIRE.md beside this file).
--
--   wireshark -X lua_script:proto/forebay.lua                    then "Decode As… Forebay", or
--   tshark -X lua_script:proto/forebay.lua -o forebay.ports:7431 -r capture.pcapng -Y forebay
--
-- Unix sockets can't be captured: capture a `forebay+tcp` link, or make a capture from a hex dump
-- with `text2pcap -T` (test_dissector.py does both). Preferences: the ports, and whether streams on
-- other ports are recognised by their HELLO (off, as a guess can be wrong).

local forebay = Proto("forebay", "Forebay")

-- codes: frame_types
local frame_types = {
  [1] = "HELLO", [2] = "DATA", [3] = "SEEN", [4] = "BLOCKED", [5] = "BACKLOG", [6] = "RECLAIMED",
  [7] = "PONG", [8] = "BYE", [9] = "ORIGIN", [129] = "WELCOME", [130] = "WINDOW",
  [131] = "RECEIPT", [132] = "RECLAIM", [133] = "PING", [134] = "GOAWAY", [135] = "ERROR",
}

-- codes: receipt_levels
local receipt_levels = {
  [0] = "DEFAULT", [1] = "RECEIVED", [2] = "STORED", [3] = "DELIVERED",
}

-- codes: outcomes
local outcomes = {
  [0] = "RECEIVED", [1] = "STORED", [16] = "DELIVERED", [17] = "DEAD_LETTERED",
  [18] = "REJECTED", [19] = "EXPIRED", [20] = "DROPPED", [21] = "DUPLICATE",
}

-- codes: window_states
local window_states = {
  [0] = "OPEN", [1] = "PRESSED", [2] = "SHUT",
}

-- codes: window_reasons
local window_reasons = {
  [0] = "NONE", [1] = "BUFFER_FULL", [2] = "FAIR_SHARE", [3] = "BREAKER_OPEN",
  [4] = "RATE_LIMITED", [5] = "DRAINING", [6] = "RECEIPTS_UNSEEN", [7] = "DEAD_LETTERS_BLOCKED",
  [8] = "WINDOW_MAXIMUM", [9] = "RECLAIMING", [10] = "PAUSED",
}

-- codes: message_codes
local message_codes = {
  [0] = "NONE", [1] = "TTL_EXPIRED", [2] = "UNSUPPORTED_EXTENSION", [3] = "UPSTREAM_REJECTED",
  [4] = "SHUTTING_DOWN", [5] = "LANE_NOT_PERMITTED", [6] = "LEVEL_UNAVAILABLE",
  [7] = "ATTEMPTS_EXHAUSTED",
}

-- codes: error_codes
local error_codes = {
  [1] = "BAD_MAGIC", [2] = "UNSUPPORTED_VERSION", [3] = "FRAME_TOO_SHORT",
  [4] = "FRAME_TOO_LARGE", [5] = "UNKNOWN_FRAME_TYPE", [6] = "RESERVED_BITS",
  [7] = "HELLO_EXPECTED", [8] = "SEQUENCE_NOT_INCREASING", [9] = "FLOW_CONTROL",
  [10] = "BAD_EXTENSION", [11] = "BAD_FIELD", [12] = "HELLO_REPEATED", [13] = "UNKNOWN_ROUTE",
  [14] = "NOT_PERMITTED", [15] = "SESSION_TAKEN", [16] = "TOO_MANY_CONNECTIONS",
  [17] = "HELLO_TIMEOUT", [18] = "FRAME_TIMEOUT", [19] = "RECLAIM_TIMEOUT", [20] = "SLOW_READER",
  [21] = "CONTROL_FLOOD", [22] = "ORIGIN_MISMATCH", [23] = "SHUTTING_DOWN",
  [24] = "HEARTBEAT_TIMEOUT", [25] = "INTERNAL", [26] = "WRONG_DIRECTION", [27] = "KILLED",
  [28] = "TOO_MANY_SESSIONS",
}

-- codes: extensions
local extension_types = {
  [1] = "KEY", [2] = "HEADER", [3] = "TRACEPARENT", [4] = "IDEMPOTENCY_ID", [5] = "CONTENT_TYPE",
  [16] = "CLIENT_NAME", [17] = "SHIM_NAME", [18] = "SHIM_VERSION", [19] = "ROUTE", [20] = "TEXT",
}
-- Extensions whose value is text; the others are shown as bytes.
local text_extensions = {
  [3] = true, [4] = true, [5] = true, [16] = true, [17] = true, [18] = true, [19] = true,
  [20] = true,
}

local MAGIC = 0x46424159
local EXTENSIONS_BYTES_MAX = 16384
local CONTROL_FRAME_BYTES_MAX = 65536
local RECEIPT_FRAME_BYTES_MAX = 8 + 4095 * 16
local RUN_MESSAGES_MAX = 256
local LANES_MAX = 8
local FRAME_BYTES_MAX = 16777216
local OVERHEAD_BYTES_MAX = 65536

local function u8(name, text, values) return ProtoField.uint8("forebay." .. name, text, base.DEC, values) end
local function u16(name, text, values) return ProtoField.uint16("forebay." .. name, text, base.DEC, values) end
local function u32(name, text) return ProtoField.uint32("forebay." .. name, text, base.DEC) end
local function u64(name, text) return ProtoField.uint64("forebay." .. name, text, base.DEC) end
local function bytes(name, text) return ProtoField.bytes("forebay." .. name, text) end
local function text(name, title) return ProtoField.string("forebay." .. name, title) end

local f = {
  length = u32("length", "Length"),
  type = u8("type", "Type", frame_types),
  flags = ProtoField.uint8("forebay.flags", "Flags", base.HEX),
  reserved = ProtoField.uint32("forebay.reserved", "Reserved", base.HEX),
  level = ProtoField.uint8("forebay.level", "Receipt level", base.DEC, receipt_levels, 3),
  peer = ProtoField.bool("forebay.peer", "Peer", 8, nil, 1),
  resumed = ProtoField.bool("forebay.resumed", "Resumed", 8, nil, 1),
  magic = ProtoField.uint32("forebay.magic", "Magic", base.HEX),
  version_min = u16("version_min", "Lowest version"),
  version_max = u16("version_max", "Highest version"),
  version = u16("version", "Version"),
  session = bytes("session", "Session"),
  hello_level = u8("hello_level", "Receipt level", receipt_levels),
  floor = u64("floor", "Floor"),
  sequence = u64("sequence", "Sequence"),
  ttl = u32("ttl", "Time to live (ms, 0 = none)"),
  lane = u8("lane", "Lane"),
  extension_bytes = u16("extension_bytes", "Extension bytes"),
  payload = bytes("payload", "Payload"),
  payload_length = u32("payload_length", "Payload length"),
  cost = u32("cost", "Cost"),
  backlog_bytes = u64("backlog_bytes", "Wanted limit in bytes"),
  backlog_messages = u64("backlog_messages", "Wanted limit in messages"),
  number = u32("reclaim_number", "Reclaim number"),
  token = ProtoField.uint64("forebay.token", "Token", base.HEX),
  link_sequence = u64("link_sequence", "Link sequence"),
  tag = bytes("origin_tag", "Origin tag"),
  count = u32("count", "Count"),
  frame_bytes_max = u32("frame_bytes_max", "Largest DATA frame"),
  overhead = u32("overhead", "Overhead of a message"),
  heartbeat = u32("heartbeat", "Heartbeat (ms, 0 = none)"),
  ranges = u32("ranges", "Ranges before the first WINDOW"),
  known = u64("known", "Highest sequence known"),
  limit_bytes = u64("limit_bytes", "Limit in bytes"),
  limit_messages = u64("limit_messages", "Limit in messages"),
  received_bytes = u64("received_bytes", "Received bytes"),
  received_messages = u64("received_messages", "Received messages"),
  retry_after = u32("retry_after", "Retry after (ms, 0 = unknown)"),
  state = u8("window_state", "State", window_states),
  reason = u8("window_reason", "Reason", window_reasons),
  range = ProtoField.none("forebay.range", "Range"),
  range_first = u64("range.first", "First sequence"),
  range_count = u32("range.count", "Count"),
  range_outcome = u8("range.outcome", "Outcome", outcomes),
  range_flags = ProtoField.uint8("forebay.range.flags", "Flags", base.HEX),
  range_maybe = ProtoField.bool("forebay.range.maybe_delivered", "Maybe delivered", 8, nil, 1),
  range_duplicate = ProtoField.bool("forebay.range.duplicate", "Duplicate", 8, nil, 2),
  range_code = u16("range.code", "Code", message_codes),
  error_code = u16("error_code", "Code", error_codes),
  deadline = u32("deadline", "Deadline (ms)"),
  extension = ProtoField.none("forebay.extension", "Extension"),
  extension_type = u8("extension.type", "Type", extension_types),
  extension_zero = ProtoField.uint8("forebay.extension.reserved", "Reserved", base.HEX),
  extension_length = u16("extension.length", "Length"),
  extension_value = bytes("extension.value", "Value"),
  extension_text = text("extension.text", "Text"),
  header_name = text("extension.header_name", "Header name"),
  header_value = text("extension.header_value", "Header value"),
  rest = bytes("undissected", "Not dissected"),
}
forebay.fields = f

local e = {
  malformed = ProtoExpert.new("forebay.expert.malformed", "Malformed frame", expert.group.MALFORMED,
    expert.severity.ERROR),
  direction = ProtoExpert.new("forebay.expert.direction", "Frame from the wrong side",
    expert.group.PROTOCOL, expert.severity.ERROR),
  critical = ProtoExpert.new("forebay.expert.critical", "Unknown critical extension",
    expert.group.UNDECODED, expert.severity.WARN),
  failed = ProtoExpert.new("forebay.expert.error", "The daemon ended the connection",
    expert.group.RESPONSE_CODE, expert.severity.WARN),
  goaway = ProtoExpert.new("forebay.expert.goaway", "The daemon asks to go", expert.group.RESPONSE_CODE,
    expert.severity.NOTE),
  shut = ProtoExpert.new("forebay.expert.shut", "The window is shut", expert.group.SEQUENCE,
    expert.severity.NOTE),
  refused = ProtoExpert.new("forebay.expert.outcome", "Messages that weren't delivered",
    expert.group.RESPONSE_CODE, expert.severity.NOTE),
}
forebay.experts = e

forebay.prefs.ports = Pref.range("TCP ports", "", "Ports of forebay+tcp listeners", 65535)
forebay.prefs.heuristic = Pref.bool("Recognise streams by their HELLO", false,
  "Take any TCP stream that begins with a HELLO frame for Forebay")

-- What the fixed fields of each type are: {field, offset, size}; a field named "zero" is reserved.
local Z = "zero"
local layouts = {
  [1] = { size = 44, { f.magic, 8, 4 }, { f.version_min, 12, 2 }, { f.version_max, 14, 2 },
    { f.session, 16, 16 }, { f.floor, 32, 8 }, { f.hello_level, 40, 1 }, { Z, 41, 1 },
    { Z, 42, 2 } },
  [2] = { size = 24, { f.sequence, 8, 8 }, { f.ttl, 16, 4 }, { f.lane, 20, 1 }, { Z, 21, 1 },
    { f.extension_bytes, 22, 2 } },
  [3] = { size = 16, { f.floor, 8, 8 } },
  [4] = { size = 24, { f.cost, 8, 4 }, { Z, 12, 4 }, { f.floor, 16, 8 } },
  [5] = { size = 24, { f.backlog_bytes, 8, 8 }, { f.backlog_messages, 16, 8 } },
  [6] = { size = 16, { f.number, 8, 4 }, { Z, 12, 4 } },
  [7] = { size = 16, { f.token, 8, 8 } },
  [8] = { size = 8 },
  [9] = { size = 64, { f.link_sequence, 8, 8 }, { f.tag, 16, 16 }, { f.sequence, 32, 8 },
    { f.count, 40, 4 }, { f.ttl, 44, 4 }, { f.floor, 48, 8 }, { f.lane, 56, 1 }, { Z, 57, 1 },
    { Z, 58, 2 }, { Z, 60, 4 } },
  [129] = { size = 40, { f.version, 8, 2 }, { Z, 10, 2 }, { f.frame_bytes_max, 12, 4 },
    { f.overhead, 16, 4 }, { f.heartbeat, 20, 4 }, { f.ranges, 24, 4 }, { Z, 28, 4 },
    { f.known, 32, 8 } },
  [130] = { size = 48, { f.limit_bytes, 8, 8 }, { f.limit_messages, 16, 8 },
    { f.received_bytes, 24, 8 }, { f.received_messages, 32, 8 }, { f.retry_after, 40, 4 },
    { f.state, 44, 1 }, { f.reason, 45, 1 }, { Z, 46, 2 } },
  [131] = { size = 24 },
  [132] = { size = 32, { f.number, 8, 4 }, { Z, 12, 4 }, { f.limit_bytes, 16, 8 },
    { f.limit_messages, 24, 8 } },
  [133] = { size = 16, { f.token, 8, 8 } },
  [134] = { size = 16, { f.error_code, 8, 2 }, { Z, 10, 2 }, { f.deadline, 12, 4 } },
  [135] = { size = 16, { f.error_code, 8, 2 }, { Z, 10, 2 }, { f.retry_after, 12, 4 } },
}
local flags_allowed = { [1] = 1, [2] = 3, [129] = 1 }

-- What is remembered of a TCP stream, by its number: the client's port and the overhead.
local streams = {}
local tcp_stream = Field.new("tcp.stream")
function forebay.init() streams = {} end

local function name_of(values, number) return values[number] or tostring(number) end

local function malformed(tree, range, code, why)
  tree:add_tvb_expert_info(e.malformed, range, code .. ": " .. why)
end

local U64_MAX = UInt64.new(0xffffffff, 0xffffffff)

-- Whether `count` sequences from `first` on are all sequences: 1 to 2^64 - 2.
local function is_sequence_range(first, count)
  return count > 0 and first > UInt64.new(0) and first <= U64_MAX - UInt64.new(count)
end

local function is_zero(range)
  for i = 0, range:len() - 1 do
    if range(i, 1):uint() ~= 0 then return false end
  end
  return true
end

-- The header's own mistakes (WIRE.md §3.3, steps 1 and 2), as soon as they can be known.
local function header_mistake(tvb, offset, available)
  local length = tvb(offset, 4):uint()
  if length < 4 then return "FRAME_TOO_SHORT", "length below 4" end
  if length + 4 > FRAME_BYTES_MAX then return "FRAME_TOO_LARGE", "length above every bound" end
  if available < 8 then return nil end
  local kind = tvb(offset + 4, 1):uint()
  local layout = layouts[kind]
  if not layout then return "UNKNOWN_FRAME_TYPE", "type " .. kind end
  if tvb(offset + 6, 2):uint() ~= 0 then return "RESERVED_BITS", "bytes 6 and 7 aren't zero" end
  if length + 4 < layout.size then return "FRAME_TOO_SHORT", "shorter than its fixed fields" end
  local most = layout.size + EXTENSIONS_BYTES_MAX
  if kind == 2 then most = FRAME_BYTES_MAX end
  if kind == 131 then most = RECEIPT_FRAME_BYTES_MAX end
  if length + 4 > most then return "FRAME_TOO_LARGE", "longer than its type may be" end
  return nil
end

local function add_extension(tree, tvb, offset, kind, size)
  local item = tree:add(f.extension, tvb(offset, 4 + size))
  item:append_text(": " .. name_of(extension_types, kind))
  item:add(f.extension_type, tvb(offset, 1))
  item:add(f.extension_zero, tvb(offset + 1, 1))
  item:add(f.extension_length, tvb(offset + 2, 2))
  if size == 0 then return item end
  local value = tvb(offset + 4, size)
  item:add(f.extension_value, value)
  local name_size = kind == 2 and value(0, 1):uint() or 0
  if text_extensions[kind] then
    item:add(f.extension_text, value)
    item:append_text(" " .. value:string())
  elseif kind == 2 and name_size >= 1 and name_size < size then
    item:add(f.header_name, value(1, name_size))
    if name_size + 1 < size then
      item:add(f.header_value, value(1 + name_size, size - 1 - name_size))
    end
  end
  return item
end

local function add_extensions(tree, tvb, offset, size, is_data)
  local finish = offset + size
  while offset < finish do
    if finish - offset < 4 then
      return malformed(tree, tvb(offset, finish - offset), "BAD_EXTENSION", "half an entry")
    end
    local kind, length = tvb(offset, 1):uint(), tvb(offset + 2, 2):uint()
    local padded = math.floor((length + 3) / 4) * 4
    if finish - offset - 4 < padded then
      return malformed(tree, tvb(offset, finish - offset), "BAD_EXTENSION", "exceeds the list")
    end
    local item = add_extension(tree, tvb, offset, kind, length)
    if tvb(offset + 1, 1):uint() ~= 0
      or (padded > length and not is_zero(tvb(offset + 4 + length, padded - length))) then
      malformed(item, tvb(offset, 4 + padded), "BAD_EXTENSION", "padding isn't zero")
    end
    if kind >= 128 and is_data then
      item:add_tvb_expert_info(e.critical, tvb(offset, 4 + padded), "Unknown critical extension")
    elseif kind >= 128 then
      malformed(item, tvb(offset, 4 + padded), "BAD_EXTENSION", "unknown and critical")
    end
    offset = offset + 4 + padded
  end
end

local function add_ranges(tree, tvb, info)
  local size = tvb:len() - 8
  if size % 16 ~= 0 then
    malformed(tree, tvb(0, tvb:len()), "BAD_FIELD", "the size isn't 8 + 16 n")
  end
  local shown = {}
  for i = 0, math.floor(size / 16) - 1 do
    local at = 8 + 16 * i
    local outcome = tvb(at + 12, 1):uint()
    local first, count = tvb(at, 8):uint64(), tvb(at + 8, 4):uint()
    local last = first + UInt64.new(count) - UInt64.new(1)
    local span = count == 1 and tostring(first) or tostring(first) .. "-" .. tostring(last)
    local item = tree:add(f.range, tvb(at, 16))
    item:append_text(": " .. span .. " " .. name_of(outcomes, outcome))
    item:add(f.range_first, tvb(at, 8))
    item:add(f.range_count, tvb(at + 8, 4))
    item:add(f.range_outcome, tvb(at + 12, 1))
    local flags = item:add(f.range_flags, tvb(at + 13, 1))
    flags:add(f.range_maybe, tvb(at + 13, 1))
    flags:add(f.range_duplicate, tvb(at + 13, 1))
    item:add(f.range_code, tvb(at + 14, 2))
    if not outcomes[outcome] then
      malformed(item, tvb(at + 12, 1), "BAD_FIELD", "unknown outcome")
    elseif outcome >= 17 and outcome <= 20 then
      item:add_tvb_expert_info(e.refused, tvb(at, 16), span .. " " .. outcomes[outcome])
    end
    if not is_sequence_range(first, count) then
      malformed(item, tvb(at, 12), "BAD_FIELD", "not a range of sequences")
    end
    if i < 4 then shown[#shown + 1] = span .. " " .. name_of(outcomes, outcome) end
  end
  info[#info + 1] = table.concat(shown, ", ") .. (size > 64 and ", …" or "")
end

-- Fixed fields whose values can be wrong: by type, a function that returns the mistake.
local value_mistake = {
  [1] = function(tvb)
    if tvb(8, 4):uint() ~= MAGIC then return "BAD_MAGIC", tvb(8, 4) end
    if tvb(12, 2):uint() > 1 or tvb(14, 2):uint() < 1 then
      return "UNSUPPORTED_VERSION", tvb(12, 4)
    end
    if is_zero(tvb(16, 16)) then return "BAD_FIELD", tvb(16, 16) end
    if is_zero(tvb(32, 8)) then return "BAD_FIELD", tvb(32, 8) end
    if tvb(40, 1):uint() > 3 then return "BAD_FIELD", tvb(40, 1) end
  end,
  [2] = function(tvb)
    local sequence = tvb(8, 8):uint64()
    if tvb(20, 1):uint() >= LANES_MAX then return "BAD_FIELD", tvb(20, 1) end
    local size = tvb(22, 2):uint()
    if size > EXTENSIONS_BYTES_MAX or size > tvb:len() - 24 then
      return "BAD_EXTENSION", tvb(22, 2)
    end
    if not is_sequence_range(sequence, 1) then
      return "SEQUENCE_NOT_INCREASING", tvb(8, 8)
    end
  end,
  [3] = function(tvb) if is_zero(tvb(8, 8)) then return "BAD_FIELD", tvb(8, 8) end end,
  [4] = function(tvb) if is_zero(tvb(16, 8)) then return "BAD_FIELD", tvb(16, 8) end end,
  [9] = function(tvb)
    local count = tvb(40, 4):uint()
    if count < 1 or count > RUN_MESSAGES_MAX then return "BAD_FIELD", tvb(40, 4) end
    for _, place in ipairs({ 8, 32 }) do
      if not is_sequence_range(tvb(place, 8):uint64(), count) then
        return "BAD_FIELD", tvb(place, 8)
      end
    end
    if is_zero(tvb(48, 8)) then return "BAD_FIELD", tvb(48, 8) end
    if tvb(56, 1):uint() >= LANES_MAX then return "BAD_FIELD", tvb(56, 1) end
  end,
  [129] = function(tvb)
    if tvb(8, 2):uint() ~= 1 then return "UNSUPPORTED_VERSION", tvb(8, 2) end
    local most = tvb(12, 4):uint()
    if most < 24 or most > FRAME_BYTES_MAX then return "BAD_FIELD", tvb(12, 4) end
    if tvb(16, 4):uint() > OVERHEAD_BYTES_MAX then return "BAD_FIELD", tvb(16, 4) end
  end,
}

-- One line for the packet list, by type.
local summary = {
  [1] = function(tvb, info) info[#info + 1] = "floor=" .. tostring(tvb(32, 8):uint64()) end,
  [2] = function(tvb, info) info[#info + 1] = "seq=" .. tostring(tvb(8, 8):uint64()) end,
  [3] = function(tvb, info) info[#info + 1] = "floor=" .. tostring(tvb(8, 8):uint64()) end,
  [4] = function(tvb, info) info[#info + 1] = "cost=" .. tvb(8, 4):uint() end,
  [6] = function(tvb, info) info[#info + 1] = "n=" .. tvb(8, 4):uint() end,
  [9] = function(tvb, info)
    info[#info + 1] = "link=" .. tostring(tvb(8, 8):uint64()) .. " count=" .. tvb(40, 4):uint()
  end,
  [129] = function(tvb, info) info[#info + 1] = "ranges=" .. tvb(24, 4):uint() end,
  [130] = function(tvb, info)
    info[#info + 1] = "limit=" .. tostring(tvb(8, 8):uint64()) .. "/"
      .. tostring(tvb(16, 8):uint64())
    if tvb(44, 1):uint() == 2 then
      info[#info + 1] = "SHUT " .. name_of(window_reasons, tvb(45, 1):uint())
    end
  end,
  [132] = function(tvb, info) info[#info + 1] = "n=" .. tvb(8, 4):uint() end,
  [134] = function(tvb, info) info[#info + 1] = name_of(error_codes, tvb(8, 2):uint()) end,
  [135] = function(tvb, info) info[#info + 1] = name_of(error_codes, tvb(8, 2):uint()) end,
}

local function remember(stream, kind, tvb, pinfo, tree)
  if kind == 1 then stream.client_port = stream.client_port or pinfo.src_port end
  if kind == 129 then stream.overhead = tvb(16, 4):uint() end
  local from_client = stream.client_port == pinfo.src_port
  if stream.client_port and from_client == (kind >= 128) then
    tree:add_tvb_expert_info(e.direction, tvb(4, 1), "WRONG_DIRECTION")
  end
end

local function add_events(tree, kind, tvb)
  if kind == 130 and tvb(44, 1):uint() == 2 then
    tree:add_tvb_expert_info(e.shut, tvb(44, 2),
      "Shut: " .. name_of(window_reasons, tvb(45, 1):uint()))
  elseif kind == 134 then
    tree:add_tvb_expert_info(e.goaway, tvb(8, 2), name_of(error_codes, tvb(8, 2):uint()))
  elseif kind == 135 then
    tree:add_tvb_expert_info(e.failed, tvb(8, 2), name_of(error_codes, tvb(8, 2):uint()))
  end
end

local function add_fixed(tree, kind, tvb)
  for _, entry in ipairs(layouts[kind]) do
    local range = tvb(entry[2], entry[3])
    if entry[1] ~= Z then
      tree:add(entry[1], range)
    elseif not is_zero(range) then
      tree:add(f.reserved, range)
      malformed(tree, range, "RESERVED_BITS", "a reserved field isn't zero")
    end
  end
end

local function add_data(tree, tvb, stream)
  local size = tvb(22, 2):uint()
  if size > tvb:len() - 24 then return end
  add_extensions(tree, tvb, 24, size, true)
  local start = 24 + size
  tree:add(f.payload_length, tvb:len() - start):set_generated()
  if tvb:len() > start then tree:add(f.payload, tvb(start)) end
  if stream.overhead then tree:add(f.cost, tvb:len() + stream.overhead):set_generated() end
end

-- One whole frame whose header is good.
local function dissect_frame(range, pinfo, root, stream)
  local tvb = range
  local kind, flags = tvb(4, 1):uint(), tvb(5, 1):uint()
  local tree = root:add(forebay, tvb())
  tree:append_text(", " .. frame_types[kind])
  tree:add(f.length, tvb(0, 4))
  tree:add(f.type, tvb(4, 1))
  local flag_tree = tree:add(f.flags, tvb(5, 1))
  if kind == 1 then flag_tree:add(f.peer, tvb(5, 1)) end
  if kind == 2 then flag_tree:add(f.level, tvb(5, 1)) end
  if kind == 129 then flag_tree:add(f.resumed, tvb(5, 1)) end
  if flags > (flags_allowed[kind] or 0) then
    malformed(tree, tvb(5, 1), "RESERVED_BITS", "a flag isn't defined for this type")
  end
  remember(stream, kind, tvb, pinfo, tree)
  add_fixed(tree, kind, tvb)
  local code, where
  if value_mistake[kind] then code, where = value_mistake[kind](tvb) end
  if code then malformed(tree, where, code, "a field has a value that it can't have") end
  local info = { frame_types[kind] }
  if kind == 131 then
    add_ranges(tree, tvb, info)
  elseif kind == 2 then
    add_data(tree, tvb, stream)
  else
    add_extensions(tree, tvb, layouts[kind].size, tvb:len() - layouts[kind].size, false)
    if kind == 9 and stream.overhead then
      tree:add(f.cost, tvb:len() + stream.overhead):set_generated()
    end
  end
  add_events(tree, kind, tvb)
  if summary[kind] then summary[kind](tvb, info) end
  return table.concat(info, " ")
end

local function wait_for(pinfo, offset, more)
  pinfo.desegment_offset = offset
  pinfo.desegment_len = more
end

function forebay.dissector(tvb, pinfo, root)
  pinfo.cols.protocol = "Forebay"
  local number = tcp_stream()
  number = number and number.value or -1
  streams[number] = streams[number] or {}
  local lines, offset = {}, 0
  while offset < tvb:len() do
    local available = tvb:len() - offset
    if available < 4 then
      wait_for(pinfo, offset, DESEGMENT_ONE_MORE_SEGMENT)
      break
    end
    local code, why = header_mistake(tvb, offset, available)
    if code then
      local tree = root:add(forebay, tvb(offset), "Forebay, malformed")
      tree:add(f.rest, tvb(offset))
      malformed(tree, tvb(offset), code, why)
      lines[#lines + 1] = code
      offset = tvb:len()
      break
    end
    local size = tvb(offset, 4):uint() + 4
    if available < 8 then
      wait_for(pinfo, offset, DESEGMENT_ONE_MORE_SEGMENT)
      break
    elseif available < size then
      wait_for(pinfo, offset, size - available)
      break
    end
    lines[#lines + 1] = dissect_frame(tvb(offset, size):tvb(), pinfo, root, streams[number])
    offset = offset + size
  end
  if #lines > 8 then
    lines = { lines[1], lines[2], lines[3], "… " .. (#lines - 4) .. " more …", lines[#lines] }
  end
  if #lines > 0 then pinfo.cols.info = table.concat(lines, " | ") end
  return tvb:len()
end

-- A stream is ours if it begins with a HELLO: its type, its zeros and its magic, 64 bits in all.
local function looks_like_forebay(tvb, pinfo, root)
  if not forebay.prefs.heuristic or tvb:len() < 12 then return false end
  if tvb(4, 1):uint() ~= 1 or tvb(6, 2):uint() ~= 0 or tvb(8, 4):uint() ~= MAGIC then
    return false
  end
  pinfo.conversation = forebay
  forebay.dissector(tvb, pinfo, root)
  return true
end
forebay:register_heuristic("tcp", looks_like_forebay)

local tcp_ports = DissectorTable.get("tcp.port")
tcp_ports:add_for_decode_as(forebay)
local registered = ""
function forebay.prefs_changed()
  if forebay.prefs.ports == registered then return end
  if registered ~= "" then tcp_ports:remove(registered, forebay) end
  registered = forebay.prefs.ports
  if registered ~= "" then tcp_ports:add(registered, forebay) end
end
