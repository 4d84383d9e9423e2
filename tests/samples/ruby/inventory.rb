# frozen_string_literal: true

require 'json'
require 'set'
require 'time'

# Stock of a shop as a sequence of events. The present stock is never stored: it is what
# results from replaying the events, so every number can be explained.
module Inventory
  class Error < StandardError; end

  class OutOfStock < Error
    attr_reader :sku, :wanted, :available

    def initialize(sku, wanted:, available:)
      @sku = sku
      @wanted = wanted
      @available = available
      super("#{sku}: #{wanted} wanted, #{available} available")
    end
  end

  Event = Struct.new(:kind, :sku, :quantity, :at, :note, keyword_init: true) do
    def delta
      case kind
      when :received, :returned then quantity
      when :sold, :lost then -quantity
      when :counted then 0
      else raise Error, "unknown kind of event: #{kind}"
      end
    end

    def to_json(*args)
      to_h.compact.merge(at: at.iso8601).to_json(*args)
    end

    def self.parse(line)
      data = JSON.parse(line, symbolize_names: true)
      new(
        kind: data.fetch(:kind).to_sym,
        sku: data.fetch(:sku),
        quantity: Integer(data.fetch(:quantity)),
        at: Time.parse(data.fetch(:at)),
        note: data[:note]
      )
    rescue KeyError, JSON::ParserError, ArgumentError => e
      raise Error, "bad event #{line.inspect}: #{e.message}"
    end
  end

  class Store
    include Enumerable

    def initialize(clock: -> { Time.now })
      @clock = clock
      @events = []
      @stock = Hash.new(0)
      @watchers = Hash.new { |hash, sku| hash[sku] = [] }
    end

    def each(&block)
      return enum_for(:each) unless block

      @events.each(&block)
    end

    def stock(sku)
      @stock[sku]
    end

    def receive(sku, quantity, note: nil)
      record(:received, sku, quantity, note)
    end

    def sell(sku, quantity)
      available = stock(sku)
      if quantity > available
        raise OutOfStock.new(sku, wanted: quantity, available: available)
      end

      record(:sold, sku, quantity)
    end

    # Corrects the books to what was counted on the shelf.
    def count(sku, found)
      difference = found - stock(sku)
      if difference.positive?
        record(:received, sku, difference, 'found while counting')
      elsif difference.negative?
        record(:lost, sku, -difference, 'missing while counting')
      else
        record(:counted, sku, found)
      end
    end

    def when_below(sku, level, &block)
      @watchers[sku] << [level, block]
      self
    end

    def low(level = 5)
      @stock.select { |_, quantity| quantity < level }.keys.sort
    end

    def sales_by_month
      select { |event| event.kind == :sold }
        .group_by { |event| event.at.strftime('%Y-%m') }
        .transform_values { |events| events.sum(&:quantity) }
        .sort
        .to_h
    end

    def save(path)
      temporary = "#{path}.tmp"
      File.open(temporary, 'w') do |file|
        each { |event| file.puts(event.to_json) }
      end
      File.rename(temporary, path)
    ensure
      File.delete(temporary) if temporary && File.exist?(temporary)
    end

    def self.load(path, **options)
      store = new(**options)
      File.foreach(path, chomp: true).with_index(1) do |line, number|
        next if line.empty? || line.start_with?('#')

        begin
          store.replay(Event.parse(line))
        rescue Error => e
          raise Error, "#{path}:#{number}: #{e.message}"
        end
      end
      store
    end

    def replay(event)
      after = @stock[event.sku] + event.delta
      raise Error, "#{event.sku} would fall to #{after}" if after.negative?

      @events << event
      @stock[event.sku] = after
    end

    private

    def record(kind, sku, quantity, note = nil)
      unless quantity.is_a?(Integer) && !quantity.negative?
        raise ArgumentError, "quantity must be a whole number, not #{quantity.inspect}"
      end

      before = stock(sku)
      event = Event.new(kind: kind, sku: sku, quantity: quantity, at: @clock.call, note: note)
      replay(event)
      @watchers[sku].each do |level, block|
        block.call(sku, stock(sku)) if before >= level && stock(sku) < level
      end
      event
    end
  end
end

if __FILE__ == $PROGRAM_NAME
  store = Inventory::Store.new
  store.when_below('tea-500', 10) { |sku, left| warn "order more #{sku}, only #{left} left" }
  store.receive('tea-500', 24, note: 'first delivery')
  store.sell('tea-500', 15)
  puts store.map { |event| format('%-10s %-8s %4d', event.sku, event.kind, event.quantity) }
  puts <<~SUMMARY
    in stock: #{store.stock('tea-500')}
    low:      #{store.low(12).join(', ')}
  SUMMARY
end
