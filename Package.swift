// swift-tools-version: 6.2
// Forebay: a sidecar that makes producers slow down before anything overflows.
//
// An arrow in ARCHITECTURE.md is a dependency here, and nothing else is: ForebayWire and ForebayCore
// depend on no I/O, and only ForebayUV may import libuv. `make lint` checks the imports.
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6), .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

let argumentParser: Target.Dependency = .product(
  name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")

let package = Package(
  name: "forebay",
  products: [
    .executable(name: "forebayd", targets: ["forebayd"]),
    .executable(name: "forebayctl", targets: ["forebayctl"]),
    .executable(name: "forebay-bench", targets: ["forebay-bench"]),
    .library(name: "ForebayClient", targets: ["ForebayClient"]),
  ],
  traits: [
    .trait(
      name: "PlantedBugs",
      description: "Compiles the mistakes in that the simulator must find; never in what users run."
    )
  ],
  // No lock file is committed, so every version is pinned here.
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
  ],
  targets: [
    // C libraries of the system.
    .systemLibrary(name: "CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CKafka", pkgConfig: "rdkafka", providers: [.apt(["librdkafka-dev"])]),
    .systemLibrary(
      name: "CRabbitMQ", pkgConfig: "librabbitmq", providers: [.apt(["librabbitmq-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

    // The sans-IO core: standard library only.
    .target(name: "ForebayWire", swiftSettings: strict),
    .target(name: "ForebayCore", dependencies: ["ForebayWire"], swiftSettings: strict),

    // The shell.
    .target(name: "ForebayUV", dependencies: ["CUV", "ForebayWire"], swiftSettings: strict),
    .target(
      name: "ForebayStore", dependencies: ["ForebayWire", "CSQLite"],
      swiftSettings: strict),
    .target(name: "ForebayTLS", dependencies: ["ForebayWire", "CSSL"], swiftSettings: strict),
    .target(
      name: "ForebayUpstreams",
      dependencies: [
        "ForebayWire", "ForebayCore", "ForebayUV", "ForebayTLS", "ForebayStore", "CCurl", "CKafka",
        "CRabbitMQ", "CZlib",
      ],
      exclude: ["README.md"],
      swiftSettings: strict),
    .target(
      name: "ForebayConfig", dependencies: ["ForebayWire", "ForebayCore", "CYAML"],
      swiftSettings: strict),
    .target(
      name: "ForebayDaemon",
      dependencies: [
        "ForebayWire", "ForebayCore", "ForebayConfig", "ForebayUpstreams", "ForebayStore",
        "ForebayUV", "ForebayTLS",
        logging,
      ], swiftSettings: strict),
    .target(name: "ForebayClient", dependencies: ["ForebayWire"], swiftSettings: strict),

    // The programs.
    .executableTarget(
      name: "forebayd",
      dependencies: ["ForebayDaemon", "ForebayConfig", argumentParser],
      swiftSettings: strict),
    .executableTarget(
      name: "forebayctl",
      dependencies: ["ForebayClient", "ForebayStore", "ForebayWire", argumentParser],
      swiftSettings: strict),
    .executableTarget(
      name: "forebay-bench",
      dependencies: [
        "ForebayWire", "ForebayCore", "ForebayUV", "ForebayConfig", "ForebayStore", histogram,
        argumentParser,
      ],
      exclude: ["relay", "malloc-counter", "native"], swiftSettings: strict),

    // Where tests may put files.
    .target(name: "TestFolder", path: "Tests/TestFolder", swiftSettings: strict),
    // What fuzz targets are made of, and the corpora that tests replay.
    .target(name: "FuzzSupport", path: "Tests/FuzzSupport", swiftSettings: strict),
    .testTarget(
      name: "ForebayBenchTests", dependencies: ["forebay-bench", "ForebayWire", "ForebayCore"],
      exclude: ["Golden"],
      swiftSettings: strict),
    .testTarget(
      name: "ForebayWireTests", dependencies: ["ForebayWire", "FuzzSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ForebayCoreTests", dependencies: ["ForebayCore", "ForebayWire", "FuzzSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ForebayUVTests", dependencies: ["ForebayUV", "TestFolder"], swiftSettings: strict),
    .testTarget(
      name: "ForebayUpstreamsTests",
      dependencies: [
        "ForebayUpstreams", "ForebayTLS", "ForebayCore", "ForebayUV", "ForebayWire", "FuzzSupport",
        "TestFolder", "CKafka",
      ], swiftSettings: strict),
    // Not a test itself: the Kafka cluster that tests speak to.
    .executableTarget(
      name: "KafkaCluster", dependencies: ["CKafka", "CSSL"], path: "Tests/KafkaCluster",
      linkerSettings: [.linkedLibrary("rdkafka"), .linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .testTarget(
      name: "ForebayStoreTests",
      dependencies: ["ForebayStore", "ForebayWire", "FuzzSupport", "JournalDriver", "TestFolder"],
      exclude: ["Fixtures"], swiftSettings: strict),
    // Not a test itself: the process that a test kills, and the measurement of the journal.
    .executableTarget(
      name: "JournalDriver", dependencies: ["ForebayStore", "ForebayWire"],
      path: "Tests/JournalDriver", swiftSettings: strict),
    // Not a test itself: the client that reads RabbitMQ's queues back.
    .executableTarget(
      name: "AMQPDriver", dependencies: ["CRabbitMQ"], path: "Tests/AMQPDriver",
      swiftSettings: strict),
    .testTarget(
      name: "ForebayClientTests",
      dependencies: ["ForebayClient", "ForebayWire", "ForebayCore", "FuzzSupport", "TestFolder"],
      swiftSettings: strict),
    .testTarget(
      name: "ForebayConfigTests",
      dependencies: ["ForebayConfig", "ForebayCore", "ForebayWire", "FuzzSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "ForebayCtlTests", dependencies: ["forebayctl", "ForebayClient"],
      swiftSettings: strict),
    .testTarget(
      name: "ForebayDaemonTests",
      dependencies: [
        "ForebayWire", "ForebayCore", "ForebayConfig", "ForebayDaemon", "ForebayStore",
        "ForebayClient", "FuzzSupport", "TestFolder",
        // The processes that the tests start.
        "forebayd", "forebayctl", "forebay-bench", "AMQPDriver", "KafkaCluster",
      ], exclude: ["HTTP/scripted_server.py"], swiftSettings: strict),
  ]
)

// `make sim` and `make planted` build the core and its simulator for release, and nothing else;
// `make coverage` the core, the wire and all their tests.
let isForSimulation = Context.environment["SIM_ONLY"] != nil
if isForSimulation || Context.environment["CORE_ONLY"] != nil {
  var kept = ["ForebayWire", "ForebayCore", "FuzzSupport", "ForebayCoreTests"]
  if !isForSimulation { kept.append("ForebayWireTests") }
  package.targets.removeAll { !kept.contains($0.name) }
  package.products = []
  package.dependencies = []
}
if isForSimulation { package.targets.last?.sources = ["Harness", "Simulation"] }

// `make asan` builds what reads and writes raw memory, with its tests.
if Context.environment["MEMORY_ONLY"] != nil {
  let kept = ["Wire", "UV", "Store", "Config", "Client"].map { "Forebay\($0)Tests" }
  package.targets.removeAll {
    ($0.type == .test && !kept.contains($0.name))
      || ($0.type == .executable && $0.name != "JournalDriver")
  }
  package.products = []
  package.dependencies = [.package(url: "https://github.com/apple/swift-log", exact: "1.16.2")]
}

// `make fuzz` builds the libraries and one program of all fuzz targets.
if Context.environment["FUZZ_ONLY"] != nil {
  package.targets.removeAll { $0.type == .test || $0.type == .executable }
  package.products = []
  package.dependencies = [.package(url: "https://github.com/apple/swift-log", exact: "1.16.2")]
  package.targets.append(
    .executableTarget(
      name: "forebay-fuzz",
      dependencies: [
        "ForebayWire", "ForebayCore", "ForebayClient", "ForebayConfig", "ForebayStore",
        "ForebayUpstreams", "ForebayDaemon", "FuzzSupport", "TestFolder",
      ],
      path: "Tests", exclude: ["ForebayCoreTests/Simulation/SimulationTests.swift"],
      sources: [
        "FuzzMain", "ForebayWireTests/SingleFrameReader.swift", "ForebayWireTests/Fuzzing",
        "ForebayCoreTests/Harness", "ForebayCoreTests/Simulation", "ForebayCoreTests/Fuzzing",
        "ForebayClientTests/Fuzzing", "ForebayConfigTests/Fuzzing", "ForebayStoreTests/Fuzzing",
        "ForebayUpstreamsTests/Fuzzing", "ForebayDaemonTests/Fuzzing",
      ], swiftSettings: strict))
}
