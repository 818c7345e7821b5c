internal import CUV
internal import ForebayWire

/// A `uv_write_t` with the memory that it writes from. libuv owns both from `start` until the
/// callback.
final class WriteRequest {
  private let raw: UnsafeMutablePointer<uv_write_t>
  private var memory: UnsafeMutableRawBufferPointer
  private var count = 0

  init(capacity: Int) {
    raw = .allocate(capacity: 1)
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit {
    raw.deallocate()
    memory.deallocate()
  }

  var capacity: Int { memory.count }

  /// Forgets the old bytes and makes sure that `capacity` new ones fit.
  func prepare(capacity: Int) {
    count = 0
    guard memory.count < capacity else { return }
    memory.deallocate()
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  func append(_ bytes: UnsafeRawBufferPointer) {
    invariant(memory.count - count >= bytes.count, "a write request was prepared too small")
    guard let source = bytes.baseAddress, bytes.count > 0 else { return }
    (memory.baseAddress! + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  /// Hands itself to libuv, which `answered` takes back, unless this returns a negative status.
  func start(
    on stream: UnsafeMutablePointer<uv_stream_t>,
    _ callback: @convention(c) (UnsafeMutablePointer<uv_write_t>?, Int32) -> Void
  ) -> Int32 {
    let retained = Unmanaged.passRetained(self)
    raw.pointee.data = retained.toOpaque()
    // libuv copies a list of up to four buffers, so this one may end with the call.
    var buffer = uv_buf_t(
      base: memory.baseAddress?.assumingMemoryBound(to: CChar.self), len: count)
    let status = uv_write(raw, stream, &buffer, 1, callback)
    if status < 0 { retained.release() }
    return status
  }

  static func answered(_ raw: UnsafeMutablePointer<uv_write_t>) -> WriteRequest {
    Unmanaged<WriteRequest>.fromOpaque(raw.pointee.data.unsafelyUnwrapped).takeRetainedValue()
  }
}

/// Write requests between uses.
struct WriteRequestPool {
  /// 16 requests of at most 64 KiB: no more than 1 MiB is ever kept, and remainders are rare.
  static let mostKept = 16
  static let largestKept = 65_536
  /// The smallest memory of a request, so that one grown once serves most later writes.
  static let smallest = 4_096

  private var free: [WriteRequest] = []

  mutating func take(capacity: Int) -> WriteRequest {
    guard let request = free.popLast() else {
      return WriteRequest(capacity: max(capacity, Self.smallest))
    }
    request.prepare(capacity: capacity)
    return request
  }

  mutating func giveBack(_ request: WriteRequest) {
    guard free.count < Self.mostKept, request.capacity <= Self.largestKept else { return }
    free.append(request)
  }
}
