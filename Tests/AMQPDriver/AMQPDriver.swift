import CRabbitMQ
import Glibc

// Somebody else's client (rabbitmq-c as it is meant to be used, blocking), for what amqp-tools don't do:
// arguments of queues, bindings, and reading a hundred thousand messages without a process for each.
//
//     AMQPDriver PORT declare QUEUE [MAX-LENGTH]    durable; with a length it refuses what is more
//     AMQPDriver PORT bind EXCHANGE QUEUE KEY
//     AMQPDriver PORT read QUEUE                    all that is there now: id, routing key, body, one a line

@main enum AMQPDriver {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    guard words.count >= 3, let port = Int32(words[0]) else { fail("PORT COMMAND …") }
    let client = Client(port: port)
    switch words[1] {
    case "declare": client.declare(words[2], lengthMax: words.count > 3 ? Int32(words[3]) : nil)
    case "bind": client.bind(words[2], words[3], words[4])
    case "read": client.read(words[2])
    default: fail("\(words[1]) is no command")
    }
    client.close()
  }
}

func fail(_ text: String) -> Never {
  let line = "AMQPDriver: \(text)\n"
  _ = write(STDERR_FILENO, line, line.utf8.count)
  exit(1)
}

final class Client {
  private let state = amqp_new_connection()

  init(port: Int32) {
    guard let socket = amqp_tcp_socket_new(state), amqp_socket_open(socket, "127.0.0.1", port) == 0
    else { fail("nobody listens at \(port)") }
    check(forebay_amqp_login(state, "/", "guest", "guest"), "login")
    amqp_channel_open(state, 1)
    check(amqp_get_rpc_reply(state), "channel")
  }

  func close() {
    _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS)
    amqp_destroy_connection(state)
  }

  func declare(_ queue: String, lengthMax: Int32?) {
    var entries: [amqp_table_entry_t] = []
    if let lengthMax {
      var length = amqp_field_value_t()
      length.kind = UInt8(AMQP_FIELD_KIND_I32.rawValue)
      length.value.i32 = lengthMax
      entries.append(amqp_table_entry_t(key: text("x-max-length"), value: length))
      var overflow = amqp_field_value_t()
      overflow.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
      overflow.value.bytes = text("reject-publish")
      entries.append(amqp_table_entry_t(key: text("x-overflow"), value: overflow))
    }
    let count = Int32(entries.count)
    entries.withUnsafeMutableBufferPointer {
      let table = amqp_table_t(num_entries: count, entries: $0.baseAddress)
      _ = queue.withCString {
        amqp_queue_declare(state, 1, amqp_cstring_bytes($0), 0, 1, 0, 0, table)
      }
      check(amqp_get_rpc_reply(state), "declare \(queue)")
    }
  }

  /// For as long as the process lives, which isn't long: what a table points to must stay.
  private func text(_ text: String) -> amqp_bytes_t { amqp_cstring_bytes(strdup(text)) }

  func bind(_ exchange: String, _ queue: String, _ key: String) {
    exchange.withCString { exchange in
      queue.withCString { queue in
        key.withCString { key in
          _ = amqp_queue_bind(
            state, 1, amqp_cstring_bytes(queue), amqp_cstring_bytes(exchange),
            amqp_cstring_bytes(key), amqp_empty_table)
        }
      }
    }
    check(amqp_get_rpc_reply(state), "bind \(queue)")
  }

  func read(_ queue: String) {
    let count = queue.withCString {
      amqp_queue_declare(state, 1, amqp_cstring_bytes($0), 1, 1, 0, 0, amqp_empty_table)
    }
    check(amqp_get_rpc_reply(state), "look at \(queue)")
    let messages = count?.pointee.message_count ?? 0
    guard messages > 0 else { return }
    queue.withCString {
      _ = amqp_basic_consume(
        state, 1, amqp_cstring_bytes($0), amqp_empty_bytes, 0, 0, 0, amqp_empty_table)
    }
    check(amqp_get_rpc_reply(state), "consume \(queue)")
    // What came meanwhile is sent to us, too, and goes back, since it is never acknowledged.
    var last: UInt64 = 0
    for _ in 0..<messages {
      amqp_maybe_release_buffers(state)
      var envelope = amqp_envelope_t()
      var patience = timeval(tv_sec: 20, tv_usec: 0)
      check(amqp_consume_message(state, &envelope, &patience, 0), "message of \(queue)")
      let hasID =
        envelope.message.properties._flags & amqp_flags_t(AMQP_BASIC_MESSAGE_ID_FLAG) != 0
      put(hasID ? envelope.message.properties.message_id : amqp_empty_bytes, end: 9)
      put(envelope.routing_key, end: 9)
      put(envelope.message.body, end: 10)
      last = envelope.delivery_tag
      amqp_destroy_envelope(&envelope)
    }
    guard amqp_basic_ack(state, 1, last, 1) == 0 else { fail("no acknowledgement to \(queue)") }
    fflush(nil)
  }

  private func put(_ bytes: amqp_bytes_t, end: Int32) {
    for byte in UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len) {
      putchar(Int32(byte))
    }
    putchar(end)
  }

  private func check(_ reply: amqp_rpc_reply_t, _ what: String) {
    guard reply.reply_type != AMQP_RESPONSE_NORMAL else { return }
    fail("\(what): reply \(reply.reply_type.rawValue), status \(reply.library_error)")
  }
}
