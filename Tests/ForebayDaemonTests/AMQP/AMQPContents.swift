import Testing

extension AMQPTests {
  /// All that was offered is told to be delivered, is in the queue, and in order; nothing else is there.
  func expectAllDelivered(
    _ producers: [Producer], _ daemon: DaemonProcess, _ server: RabbitServer, _ queue: String,
    repeatsAllowed: Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await expectAllDelivered(
      producers, daemon, try await server.read(queue), repeatsAllowed: repeatsAllowed,
      sourceLocation: sourceLocation)
  }

  func expectAllDelivered(
    _ producers: [Producer], _ daemon: DaemonProcess, _ messages: [RabbitServer.Message],
    repeatsAllowed: Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await ForebayDaemonTests.expectAllDelivered(
      producers, daemon, sourceLocation: sourceLocation)
    ReadBack(messages.map { ReadBack.Entry(text: $0.body, id: $0.id) }).expect(
      producers, repeatsAllowed: repeatsAllowed, sourceLocation: sourceLocation)
    #expect(try await daemon.stop() == 0, sourceLocation: sourceLocation)
  }
}
