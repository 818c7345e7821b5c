import ForebayCore
import ForebayWire

extension SettingsTable {
  static let process = Section(
    pattern: "", summary: "The process", blank: DaemonSettings(),
    settings: daemon + admin + limits)

  private static let daemon: [Setting<DaemonSettings>] = [
    Setting(
      "log_level", \.logLevel, .choice, "From which level on events are logged.", flag: "log-level"),
    Setting(
      "drain_timeout", \.drainTimeout, .time(.zero ... .seconds(86_400)),
      "How long a stop may take; keep the service manager's timeout above it.",
      flag: "drain-timeout"),
    Setting(
      "peers.listen", \.peers.listen, orNone(.loopback),
      "Also accept clients and peers by TCP, on loopback; all of them are one principal.",
      flag: "peer-listen", needsRestart: true),
    Setting(
      "peers.class", \.peers.className, orNone(.name), "The class of all of them.",
      fields: ["peers.className"]),
  ]

  private static let admin: [Setting<DaemonSettings>] = [
    Setting(
      "admin.path", \.admin.path, .socketPath,
      "Where operators connect: a Unix socket in a directory of its own.", flag: "admin-socket",
      needsRestart: true),
    Setting(
      "admin.mode", \.admin.mode, .mode, "The socket's permissions.", needsRestart: true),
    Setting(
      "admin.group", \.admin.group, orNone(id), "The group that owns the socket, by number.",
      needsRestart: true),
    Setting(
      "admin.level", \.admin.level, .choice, "Nobody on the socket may do more than this."),
    Setting(
      "admin.idle_timeout", \.admin.idleTimeout, .time(Limits.timeoutRange),
      "A session that asks nothing, or doesn't read what it asked for, ends after this."),
    Setting(
      "admin.view.uids", \.admin.view.users, list(of: id),
      "Users that may look. With no user and no group named, whoever can open the socket may."),
    Setting("admin.view.gids", \.admin.view.groups, list(of: id), "Groups that may look."),
    Setting(
      "admin.operate.uids", \.admin.operate.users, list(of: id),
      "Users that may also pause, drain, kill and steer."),
    Setting("admin.operate.gids", \.admin.operate.groups, list(of: id), "Groups that may."),
    Setting(
      "admin.administrate.uids", \.admin.administrate.users, list(of: id),
      "Users that may do everything, besides root and the daemon's own user."),
    Setting(
      "admin.administrate.gids", \.admin.administrate.groups, list(of: id), "Groups that may."),
  ]

  /// A user's or group's number. Names would need the system's databases, which a static program lacks.
  static var id: Form<UInt32> { .count(0...4_294_967_294) }

  private static let limits: [Setting<DaemonSettings>] = [
    Setting(
      "limits.frame_bytes_max", \.limits.frameBytesMax, .size(Limits.frameBytesRange),
      "The largest frame. Each client that wants to send is owed one, so it sets how many can be served at once.",
      flag: "frame-bytes", needsRestart: true),
    Setting(
      "limits.overhead_bytes", \.limits.overheadBytes, .size(0...WireLimits.overheadBytesMax),
      "What a message costs beyond its bytes, for its records.", needsRestart: true),
    Setting(
      "limits.nursery_segments", \.limits.nurserySegments,
      .count(Limits.nurserySegmentsRange, "segments of 64 KiB"), "Memory for newborn messages.",
      needsRestart: true),
    Setting(
      "limits.connections_max", \.limits.connectionsMax, .count(1...Int.max),
      "Connections in all; lowered to what the descriptor limit allows.", flag: "connections-max"),
    Setting(
      "limits.connections_per_principal_max", \.limits.connectionsPerPrincipalMax,
      .count(1...Int.max), "Connections of one user on one socket; each needs a session.",
      flag: "connections-per-user-max"),
    Setting(
      "limits.sessions_per_principal_max", \.limits.sessionsPerPrincipalMax, .count(1...Int.max),
      "Sessions remembered of one user, connected or not; the oldest idle one goes first."),
    Setting(
      "limits.session_memory", \.limits.sessionMemory, .time(Limits.timeoutRange),
      "How long outcomes wait for a client that is gone; after that it must send again."),
    Setting(
      "limits.hello_timeout", \.limits.helloTimeout, .time(Limits.timeoutRange),
      "From connect to HELLO."),
    Setting(
      "limits.frame_timeout", \.limits.frameTimeout, .time(Limits.timeoutRange),
      "From a frame's first byte to its last, however slowly they come in between."),
    Setting(
      "limits.reclaim_timeout", \.limits.reclaimTimeout, .time(Limits.timeoutRange),
      "From RECLAIM to RECLAIMED: a client that hangs may not keep what others wait for."),
    Setting(
      "limits.slow_reader_timeout", \.limits.slowReaderTimeout, .time(Limits.timeoutRange),
      "A client that reads nothing for so long is disconnected."),
    Setting(
      "limits.heartbeat", \.limits.heartbeat, .time(Limits.timeoutRange),
      "PING interval on TCP. On a Unix socket the kernel tells."),
    Setting(
      "limits.control_frames_burst", \.limits.controlFramesBurst,
      .count(Limits.controlFramesRange, "frames"),
      "Frames that cost nothing, of one connection at once."),
    Setting(
      "limits.control_frames_per_second", \.limits.controlFramesPerSecond,
      .count(Limits.controlFramesRange, "frames a second"), "And for each second after that."),
  ]

  static let sockets = Section(
    pattern: "sockets[]", summary: "Each socket for applications", blank: ClientSocket(),
    settings: [
      Setting(
        "path", \ClientSocket.path, .socketPath, "Where applications connect: a Unix socket.",
        flag: "socket", needsRestart: true, isRequired: true),
      Setting("mode", \.mode, .mode, "The socket's permissions.", needsRestart: true),
      Setting(
        "group", \.group, orNone(id), "The group that owns the socket, by number.",
        needsRestart: true),
      Setting(
        "class", \.className, orNone(.name),
        "The class of everybody who comes in here; none: it depends on who it is."),
    ])

  private static let weights =
    UInt64(Settings.weightRange.lowerBound)...UInt64(Settings.weightRange.upperBound)

  static let classes = Section(
    pattern: "classes[]", summary: "Each class of users", blank: ClassRule(),
    settings: [
      Setting(
        "name", \ClassRule.settings.name, .name,
        "What the class is called; 'default' is for whom no other takes.", isRequired: true),
      Setting("uids", \.users, list(of: id), "Users in it, by number."),
      Setting("gids", \.groups, list(of: id), "Groups whose users are in it, by number."),
      Setting(
        "weight", \.settings.weight, .count(weights),
        "Each user's share of an upstream, relative to other users."),
      Setting(
        "pool_share", \.settings.poolShare, .count(weights),
        "What a user may have of a buffer: this multiple of what is left free."),
      Setting(
        "rate", \.rate.allowed, .rate, "Messages of all its users together, over all routes.",
        fields: ["rate.messages", "rate.period"]),
      Setting(
        "burst", \.rate.burst, orNone(.count(1...RouteSettings.messagesMax, "messages")),
        "How many of them at once; none: a tenth of a second's worth.", fields: ["rate.burst"]),
      Setting(
        "lanes", \.lanes, list(of: .count(0...7), allowsEmpty: false), "Lanes that it may use."),
      Setting(
        "routes", \.settings.routes, orNone(list(of: .name, allowsEmpty: false)),
        "Routes that it may use, the first for clients that name none; none: all of them."),
    ])
}
