import ArgumentParser

@main
struct Program: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forebay-bench",
    abstract: "Loads, sinks and measurements for Forebay.",
    subcommands: [
      LoadCommand.self, SinkCommand.self, PairsCommand.self, CompareCommand.self,
      GrowthCommand.self, UpstreamsCommand.self, IdleCommand.self, HostileCommand.self,
      DemoCommand.self, ReplayCommand.self, LeashCommand.self, AttackCommand.self,
    ])
}
