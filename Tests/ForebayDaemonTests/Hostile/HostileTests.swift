import Testing

/// Attacks on a real daemon over real sockets. Each offender gets a reason with a name, whoever behaves is
/// served, a counter moves, memory keeps its bound, and nothing is left behind. One after the other: each
/// keeps the machine busy, and what it prints should be its own doing.
@Suite(.serialized, .fewAtOnce(.first)) enum HostileTests {}
