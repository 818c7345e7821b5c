/// What `forebay-bench upstreams` has measured.
struct UpstreamsData: Sendable {
  /// The native client and forebayd, one after the other.
  struct Pair: Equatable, Sendable {
    let native: RunFigures
    let forebayd: RunFigures

    /// forebayd by native.
    func ratio(_ figure: RunFigures.Figure) -> Double { figure(forebayd) / figure(native) }
  }

  struct Round: Equatable, Sendable {
    let fastest: Pair
    /// Both at `rate`.
    let paced: Pair
    let rate: Double

    /// What forebayd takes beyond the native client, for one message at the same rate.
    var moreCPU: Double { paced.forebayd.cpuNsPerMessage - paced.native.cpuNsPerMessage }
  }

  private(set) var kinds: [UpstreamKind]
  private var rounds: [UpstreamKind: [Round]] = [:]
  var neighbours = NeighbourData()
  var failures: [String] = []
  /// Measurements that failed a second time as well.
  var lostMeasurements = 0

  init(kinds: [UpstreamKind]) { self.kinds = kinds }

  /// With those upstreams only of which something was measured.
  var measured: UpstreamsData {
    var data = self
    data.kinds.removeAll { rounds($0).isEmpty }
    return data
  }

  mutating func add(_ round: Round, _ kind: UpstreamKind) {
    rounds[kind, default: []].append(round)
  }

  func rounds(_ kind: UpstreamKind) -> [Round] { rounds[kind] ?? [] }

  func interval(_ kind: UpstreamKind, _ figure: (Round) -> Double) -> MedianInterval {
    bootstrapMedian(rounds(kind).map(figure))
  }

  func middle(_ kind: UpstreamKind, _ figure: (Round) -> Double) -> Double {
    median(rounds(kind).map(figure))
  }

  /// The worst of all rounds, in ms of CPU time; nil if there is none.
  func longestCallback(_ kind: UpstreamKind) -> Double? {
    rounds(kind).flatMap { [$0.fastest.forebayd, $0.paced.forebayd] }
      .compactMap(\.longestCallbackMicroseconds).max().map { Double($0) / 1e3 }
  }

  /// The last round, for the progress line.
  func describeLast() -> String {
    kinds.compactMap { kind in
      rounds(kind).last.map {
        "\(kind.rawValue) \(decimal($0.fastest.ratio { $0.messagesPerSecond }, places: 2)) of "
          + "\(Axis.label($0.fastest.native.messagesPerSecond.rounded()))/s, "
          + "\($0.moreCPU < 0 ? "" : "+")\(decimal($0.moreCPU, places: 0)) ns"
      }
    }.joined(separator: "; ")
  }
}
