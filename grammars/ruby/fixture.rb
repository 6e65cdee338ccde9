# Feeds: reading, filtering, publishing.
require "json"
#        ^^^^ import "json"
require_relative "../lib/feed/parser"
#                 ^^^^^^^^^^^^^^^^^^ import "../lib/feed/parser"
load 'tasks.rb'
#     ^^^^^^^^ import "tasks.rb"
autoload :Filter, 'feed/filter'
#                  ^^^^^^^^^^^ import "feed/filter"

LIMITS = {
# <- constant LIMITS
  items: 100,
  bytes: 1_000,
}.freeze

module Feed
#      ^^^^ module Feed
  # Raised where a feed cannot be read.
  class Error < StandardError
#       ^^^^^ class Feed.Error doc="Raised where a feed cannot be read."
#               ^^^^^^^^^^^^^ type
  end

  Point = Struct.new(:x, :y) do
# ^^^^^ class Feed.Point
    def length = Math.sqrt(x * x + y * y)
#       ^^^^^^ method Feed.Point.length
#                ^^^^ type
#                     ^^^^ call
  end

  # Reads one feed.
  # Lazy where it can be.
  class Reader < Base::Stream
#       ^^^^^^ class Feed.Reader doc="Reads one feed. Lazy where it can be."
#                      ^^^^^^ type
    include Enumerable
    attr_reader :title, :url
    NAMES = %w[a b].freeze

    def initialize(url, parser: Parser.new, &block)
#       ^^^^^^^^^^ method Feed.Reader.initialize
#                               ^^^^^^ type
#                                      ^^^ call
      @url = url
      instance_eval(&block) if block_given?
#     ^^^^^^^^^^^^^ call
#                              ^^^^^^^^^^^^ call
      self.title = Feed::Titles::Default.fetch(url)
#                                ^^^^^^^ type
#                                        ^^^^^ call
    rescue IOError => error
#          ^^^^^^^ type
      raise Error, error.message
#     ^^^^^ call
#           ^^^^^ type
    end

    def self.open(url)
#            ^^^^ method Feed.Reader.open
      super
      reset_all
#     ^^^^^^^^^ call
    end

    class << self
      def cache = @cache ||= {}
#         ^^^^^ method Feed.Reader.cache

      private def purge!(key)
#                 ^^^^^^ method Feed.Reader.purge!
        cache.delete(key)
#             ^^^^^^ call
      end
    end

    "🗞️"; def each; items.map(&:to_item).each { |item| yield publish item }; end
#              ^^^^ method Feed.Reader.each
#                                ^^^^^^^ call
#                                                             ^^^^^^^ call
    def ==(other) = url == other.url
#       ^^ method Feed.Reader.==
    def [](index)
#       ^^ method Feed.Reader.[]
      items[index]
    end
    def title=(value)
#       ^^^^^^ method Feed.Reader.title=
      @title = value
    end
    def größe? = !items.empty?
#       ^^^^^^ method Feed.Reader.größe?

    private

    define_method(:shrink) { |by| items.pop(by) }
#                  ^^^^^^ method Feed.Reader.shrink
#                                       ^^^ call

    if RUBY_VERSION > "3"
      def self.modern; true; end
#              ^^^^^^ method Feed.Reader.modern
    end

    class Cache::Entry
#                ^^^^^ class Feed.Reader.Cache.Entry
      def stale? = age > LIMITS
#         ^^^^^^ method Feed.Reader.Cache.Entry.stale?
#                        ^^^^^^ type
    end
  end
end

class Feed::Writer < Feed::Reader; end
#           ^^^^^^ class Feed.Writer
#                          ^^^^^^ type

# Helps at the top level.
def publish(item)
#   ^^^^^^^ method publish doc="Helps at the top level."
  lambda { |x| x }.call(item)
end

def Feed.version = "1"
#        ^^^^^^^ method Feed.version

namespace "feed" do
#          ^^^^ module feed
  task "update" do
#       ^^^^^^ function feed.update
    Feed::Reader.open(ENV["URL"])
#         ^^^^^^ type
#                ^^^^ call
  end
end

RSpec.describe Feed do
#              ^^^^ module Feed
  context "empty" do
#          ^^^^^ module Feed.empty
    it "raises" do
#       ^^^^^^ function Feed.empty.raises
      expect { subject }.to raise_error
    end
  end
end

=begin
The end.
=end
