import ForebayWire

/// What a client can receive.
enum DaemonFrame: Equatable {
  case welcome(Welcome)
  case window(Window)
  case receipt([ReceiptRange])
  case reclaim(Reclaim)
  case ping(Ping)
  case goaway(GoAway)
  case error(ErrorFrame)

  /// Takes whole frames off the front of `bytes`.
  static func take(from bytes: inout [UInt8]) throws(WireError) -> [DaemonFrame] {
    var frames: [DaemonFrame] = []
    var offset = 0
    while true {
      let header: FrameHeader
      let reading = bytes.withUnsafeBytes {
        FrameHeader.read($0, at: offset, frameBytesMax: WireLimits.controlFrameBytesMax)
      }
      switch reading {
      case .malformed(let code): throw WireError(code)
      case .partial:
        bytes.removeFirst(offset)
        return frames
      case .header(let read): header = read
      }
      guard bytes.count - offset >= header.byteCount else {
        bytes.removeFirst(offset)
        return frames
      }
      let frame = Array(bytes[offset..<(offset + header.byteCount)])
      frames.append(try DaemonFrame(header.type, frame))
      offset += header.byteCount
    }
  }

  private init(_ type: FrameType, _ frame: [UInt8]) throws(WireError) {
    switch type {
    case .welcome: self = .welcome(try frame.parsed())
    case .window: self = .window(try frame.parsed())
    case .reclaim: self = .reclaim(try frame.parsed())
    case .ping: self = .ping(try frame.parsed())
    case .goaway: self = .goaway(try frame.parsed())
    case .error: self = .error(try frame.parsed())
    case .receipt: self = .receipt(try frame.receiptRanges())
    case .hello, .data, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin:
      throw WireError(.wrongDirection)
    }
  }
}

extension [UInt8] {
  func parsed<Frame: ControlFrame>() throws(WireError) -> Frame {
    let result = withUnsafeBytes { bytes in
      Result { () throws(WireError) -> Frame in try Frame(frame: bytes) }
    }
    return try result.get()
  }

  func receiptRanges() throws(WireError) -> [ReceiptRange] {
    let result = withUnsafeBytes { bytes in
      Result { () throws(WireError) -> [ReceiptRange] in
        var ranges: [ReceiptRange] = []
        for index in 0..<(try Receipt.count(frame: bytes)) {
          ranges.append(try Receipt.range(at: index, frame: bytes))
        }
        return ranges
      }
    }
    return try result.get()
  }
}
