#!/usr/bin/env ruby
# frozen_string_literal: true

require 'optparse'

# Writes a table of contents into Markdown files, between two marker comments. Headings
# inside fenced code are not headings, and equal headings get distinct anchors.
class TableOfContents
  START = '<!-- toc -->'
  STOP = '<!-- /toc -->'

  Heading = Struct.new(:level, :title, :anchor)

  attr_reader :headings

  def initialize(text, min_level: 2, max_level: 4)
    @lines = text.lines
    @levels = (min_level..max_level)
    @anchors = Hash.new(0)
    @headings = scan
  end

  def render
    return '' if headings.empty?

    top = headings.map(&:level).min
    headings.map do |heading|
      indent = '  ' * (heading.level - top)
      "#{indent}- [#{heading.title}](##{heading.anchor})\n"
    end.join
  end

  # The text with the table in place; nil when the markers are missing.
  def insert
    first = index_of(START)
    last = index_of(STOP)
    return nil if first.nil? || last.nil? || last < first

    before = @lines[0..first]
    after = @lines[last..]
    [*before, "\n", render, "\n", *after].join
  end

  private

  def index_of(marker)
    @lines.index { |line| line.strip == marker }
  end

  def scan
    fence = nil
    found = []
    @lines.each_with_index do |line, number|
      if fence
        fence = nil if line.strip.start_with?(fence)
        next
      end
      case line
      when /\A\s{0,3}(`{3,}|~{3,})/
        fence = Regexp.last_match(1)
      when /\A(\#{1,6})\s+(.+?)\s*\#*\s*\z/
        add(found, $1.length, $2)
      when /\A(=+|-+)\s*\z/
        previous = number.positive? ? @lines[number - 1].strip : ''
        level = line.start_with?('=') ? 1 : 2
        add(found, level, previous) unless previous.empty?
      end
    end
    found
  end

  def add(found, level, title)
    return unless @levels.cover?(level)

    plain = title.gsub(/!?\[([^\]]*)\]\([^)]*\)/, '\1').delete('`*')
    found << Heading.new(level, plain, unique_anchor(plain))
  end

  def unique_anchor(title)
    base = title.downcase.gsub(/[^\p{Alnum}\s_-]/, '').tr(' ', '-')
    count = @anchors[base]
    @anchors[base] += 1
    count.zero? ? base : "#{base}-#{count}"
  end
end

class Command
  def initialize(argv)
    @options = { min_level: 2, max_level: 4 }
    @check = false
    @paths = parser.parse(argv)
  end

  def run
    abort parser.help if @paths.empty?

    stale = @paths.reject { |path| update(path) }
    return 0 if stale.empty?

    stale.each { |path| warn "#{path}: the table of contents is out of date" }
    @check ? 1 : 0
  end

  private

  def parser
    @parser ||= OptionParser.new do |opts|
      opts.banner = 'usage: markdown_toc.rb [options] FILE...'
      opts.on('--min N', Integer, 'smallest heading level') { |n| @options[:min_level] = n }
      opts.on('--max N', Integer, 'largest heading level') { |n| @options[:max_level] = n }
      opts.on('--check', 'write nothing, fail when something would change') { @check = true }
    end
  end

  # True when the file is, or now is, up to date.
  def update(path)
    text = File.read(path, encoding: 'UTF-8')
    result = TableOfContents.new(text, **@options).insert
    if result.nil?
      warn "#{path}: expected #{TableOfContents::START} and #{TableOfContents::STOP}"
      return true
    end
    return true if result == text
    return false if @check

    File.write(path, result)
    true
  rescue Errno::ENOENT, Errno::EACCES => e
    warn e.message
    false
  end
end

exit Command.new(ARGV).run if $PROGRAM_NAME == __FILE__
