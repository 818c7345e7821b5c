import ForebayWire
import Testing

@testable import ForebayCore

/// The store against a model that keeps every message's bytes in a dictionary.
@Suite struct MessageStoreTests {
  /// What the model knows of one message.
  private struct Message: Equatable {
    var bytes: [UInt8]
  }

  private struct Model: ~Copyable {
    var store = MessageStore(nurserySegments: 4, frameBytesMax: 65_536, recycledBytesMax: 65_536)
    /// Unsettled messages by the run that holds them, in order of their sequences.
    var runs: [(run: UInt32, first: UInt64, messages: [Message?])] = []
    var random: SplitMix64
    var nextSequence: UInt64 = 1

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func frames(_ count: Int) -> ([UInt8], [Message]) {
      var all: [UInt8] = []
      var messages: [Message] = []
      for index in 0..<count {
        let payload = Int(random.next() % 400)
        let header = DataHeader(sequence: nextSequence + UInt64(index))
        var frame = [UInt8](repeating: 0, count: header.frameBytes(payloadBytes: payload))
        frame.withUnsafeMutableBytes { header.write(to: $0.baseAddress!, payloadBytes: payload) }
        for place in WireLimits.dataFixedBytes..<frame.count {
          frame[place] = UInt8(truncatingIfNeeded: random.next())
        }
        all += frame
        messages.append(Message(bytes: frame))
      }
      return (all, messages)
    }

    /// A read that brings one run, as the core adopts it.
    mutating func adopt() {
      let count = Int(random.next() % 40) + 1
      let (bytes, messages) = frames(count)
      let room = store.lend(stashed: .empty)
      room.copyBytes(from: bytes)
      let chunk = store.beginChunk(bytes.count)
      let run = store.adopt(
        Run(
          base: UnsafeMutableRawPointer(mutating: chunk.baseAddress!),
          byteCount: Int32(bytes.count),
          liveBytes: Int32(bytes.count), segment: -1, owner: 0, receiver: 0,
          firstSequence: nextSequence, receiptSequence: nextSequence, serial: 0,
          deadline: .distantFuture, count: UInt16(count), unsettled: UInt16(count), route: 0,
          lane: 0,
          level: 3))
      store.endChunk(consumed: bytes.count)
      runs.append((run, nextSequence, messages))
      nextSequence += UInt64(count)
    }

    mutating func settleSome() {
      guard !runs.isEmpty else { return }
      let index = Int(random.next() % UInt64(runs.count))
      let count = runs[index].messages.count
      let start = Int(random.next() % UInt64(count))
      let end = start + Int(random.next() % UInt64(count - start)) + 1
      let expected = runs[index].messages[start..<end].compactMap { $0 }
      let settled = store.settle(runs[index].run, messages: start..<end)
      #expect(settled.count == expected.count)
      #expect(settled.bytes == expected.reduce(0) { $0 + $1.bytes.count })
      for place in start..<end { runs[index].messages[place] = nil }
      if runs[index].messages.allSatisfy({ $0 == nil }) {
        store.remove(runs[index].run)
        runs.remove(at: index)
      } else {
        store.compact(runs[index].run)
      }
    }

    mutating func splitSome() {
      guard
        let index = runs.firstIndex(where: { $0.messages.count > 1 && !$0.messages.contains(nil) })
      else { return }
      let count = Int(random.next() % UInt64(runs[index].messages.count - 1)) + 1
      let second = store.split(runs[index].run, before: count)
      let rest = Array(runs[index].messages[count...])
      runs[index].messages.removeSubrange(count...)
      runs.append((second, runs[index].first + UInt64(count), rest))
    }

    mutating func separateSome() {
      guard let index = runs.firstIndex(where: { $0.messages.contains(nil) }) else { return }
      let old = runs.remove(at: index)
      let parts = [old.run] + store.separate(old.run)
      var stretches: [(UInt64, [Message?])] = []
      var isOpen = false
      for (place, message) in old.messages.enumerated() {
        guard let message else {
          isOpen = false
          continue
        }
        if isOpen {
          stretches[stretches.count - 1].1.append(message)
        } else {
          stretches.append((old.first + UInt64(place), [message]))
        }
        isOpen = true
      }
      #expect(parts.count == stretches.count)
      for (part, stretch) in zip(parts, stretches) { runs.append((part, stretch.0, stretch.1)) }
    }

    /// Every unsettled message has the bytes it came with, and the counts are those of the messages.
    func check(_ seed: UInt64) {
      for (run, first, messages) in runs {
        var found: [Int: [UInt8]] = [:]
        store.runs[run].eachStretch { index, count, bytes in
          var offset = 0
          for message in 0..<count {
            let length = Int((bytes.baseAddress! + offset).big32(0)) + 4
            found[index + message] = Array(bytes[offset..<(offset + length)])
            offset += length
          }
          #expect(offset == bytes.count, "seed \(seed)")
        }
        for (place, message) in messages.enumerated() {
          #expect(found[place] == message?.bytes, "seed \(seed): message \(first + UInt64(place))")
        }
        let unsettled = messages.filter { $0 != nil }
        let record = store.runs[run]
        #expect(Int(record.unsettled) == unsettled.count, "seed \(seed)")
        #expect(
          Int(record.liveBytes) == unsettled.reduce(0) { $0 + $1!.bytes.count },
          "seed \(seed)")
      }
    }
  }

  @Test func keepsEveryMessageThroughSplitsSettlingAndTenure() {
    for seed in 1...40 as ClosedRange<UInt64> {
      var model = Model(seed: seed)
      for _ in 0..<300 {
        switch model.random.next() % 8 {
        case 0...2: model.adopt()
        case 3...5: model.settleSome()
        case 6: model.splitSome()
        default: model.separateSome()
        }
      }
      model.check(seed)
      let free = model.store.nursery.freeCount
      #expect(free >= MessageStore.freeSegmentsMin - 1, "seed \(seed)")
    }
  }

  @Test func survivorsLeaveTheNurseryWhenItFills() {
    var model = Model(seed: 7)
    for _ in 0..<200 { model.adopt() }
    let tenured = model.store.tenuredRuns
    #expect(tenured > 0)
    model.check(7)
    let live = model.runs.reduce(0) { sum, run in
      sum + run.messages.reduce(0) { $0 + ($1?.bytes.count ?? 0) }
    }
    let nursery = model.store.nursery.segmentCount * Nursery.segmentBytes
    // Blocks waste an eighth at most, and never less than the smallest one.
    let used = model.store.blocks.usedBytes
    let held = model.store.nursery.liveBytes
    let runs = model.runs.count
    #expect(used <= live + live / 8 + runs * 64)
    #expect(held <= nursery)
  }

  @Test func anEmptyStoreHoldsNothing() {
    var model = Model(seed: 11)
    for _ in 0..<100 { model.adopt() }
    for (run, _, _) in model.runs { model.store.remove(run) }
    let left = (
      runs: model.store.runs.count, heap: model.store.blocks.usedBytes,
      nursery: model.store.nursery.liveBytes, recycled: model.store.blocks.recycledBytes
    )
    #expect(left.runs == 0)
    #expect(left.heap == 0)
    #expect(left.nursery == 0)
    #expect(left.recycled <= 65_536)
  }
}
