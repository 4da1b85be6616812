# EventMachine's protocols: eventmachine.rb NAME PORT
require 'eventmachine'

# The pieces of a BufferedTokenizer, each with its delimiter behind it.
class Tokens < EventMachine::Connection
  def initialize(delimiter)
    @delimiter = delimiter
    @tokens = BufferedTokenizer.new(delimiter)
  end

  def receive_data(data)
    @tokens.extract(data).each { |token| send_data(token + @delimiter) }
  end
end

class Bytes < EventMachine::Connection
  def receive_data(data)
    send_data(data)
  end
end

class Lines < EventMachine::Connection
  include EventMachine::Protocols::LineProtocol

  def receive_line(line)
    send_data("#{line}\n")
  end
end

class LineText < EventMachine::Connection
  include EventMachine::Protocols::LineText2

  def receive_line(line)
    send_data("#{line}\n")
  end
end

handler = {
  'bytes' => [Bytes],
  'line' => [Lines],
  'line-text' => [LineText],
  'tokens-crlf' => [Tokens, "\r\n"],
  'tokens-netconf' => [Tokens, ']]>]]>']
}.fetch(ARGV[0])

EventMachine.epoll
EventMachine.set_descriptor_table_size(4096)
EventMachine.run { EventMachine.start_server('127.0.0.1', ARGV[1].to_i, *handler) }
