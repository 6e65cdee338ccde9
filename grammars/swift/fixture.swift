// Downloads, one after another.
import Foundation
//     ^^^^^^^^^^ import "Foundation"
@testable import struct Network.Request
//                      ^^^^^^^^^^^^^^^ import "Network.Request"

let defaultLimits = [
//  ^^^^^^^^^^^^^ constant defaultLimits
  "müde": 1,
  "🏃": Limits.fast,
//      ^^^^^^ name
]

typealias Completion = (Result<Data, Error>) -> Void
//        ^^^^^^^^^^ type Completion

/// Loads files.
/// One at a time.
@available(iOS 13, *)
public final class Loader<Key: Hashable>: Base, Cancellable where Key: Sendable {
//                 ^^^^^^ class Loader doc="Loads files. One at a time."
//                                        ^^^^ type
//                                              ^^^^^^^^^^^ type
  static let shared = Loader()
  private let store: Store = Store(limit: MAX)
//                   ^^^^^ type

  var isIdle: Bool { return pending(Queue.main) == 0 }
//    ^^^^^^ method Loader.isIdle
//                          ^^^^^^^ call
//                                  ^^^^^ name
  var speed: Int {
//    ^^^^^ method Loader.speed
    get { measure() }
//        ^^^^^^^ call
    set { throttle(newValue) }
  }
  var count = 0 { didSet { notify() } }
//    ^^^^^ method Loader.count
//                         ^^^^^^ call

  init(store: Store) throws {
//^^^^ method Loader.init
//            ^^^^^ type
    self.store = store
    super.init()
  }
  convenience init?(path: String) { try? self.init(store: Store(path)) }
//            ^^^^ method Loader.init
//                                                        ^^^^^ call
  deinit { cancelAll() }
//^^^^^^ method Loader.deinit
//         ^^^^^^^^^ call

  // Starts a request.
  @discardableResult
  open func start<T: Decodable>(_ request: Request, as type: T.Type, then done: [Key: Completion]) async throws -> some Task {
//          ^^^^^ method Loader.start doc="Starts a request."
//                   ^^^^^^^^^ type
//                                         ^^^^^^^ type
//                                                                                    ^^^^^^^^^^ type
    func again() { retry() }
    let body = try await session.data(for: request).map { decode($0) }
//                               ^^^^ call
//                                                  ^^^ call
//                                                        ^^^^^^ call
    guard let reply = body as? Reply else { throw LoaderError(MISSING) }
//                             ^^^^^ type
//                                                ^^^^^^^^^^^ call
//                                                            ^^^^^^^ name
    let box = Box<Reply>(reply)
//            ^^^ call
    #warn("slow")
    return box.task
  }

  subscript(key: Key) -> Data? { get { store.read(key) } }
//^^^^^^^^^ method Loader.subscript
//                                           ^^^^ call
  static func == (left: Loader, right: Loader) -> Bool { left === right }
//            ^^ method Loader.==

  enum State: String { case idle = "i", busy; func next() -> State { advance(self) } }
//     ^^^^^ enum Loader.State
//                                                 ^^^^ method Loader.State.next
  struct Entry { func size() -> Int { bytes.count } }
//       ^^^^^ class Loader.Entry
//                    ^^^^ method Loader.Entry.size
}

extension Loader where Key == String { func warm() { prefetch() } }
//        ^^^^^^ class Loader
//                                          ^^^^ method Loader.warm
extension Network.Request: Cancellable { var größe: Int { measure(self) } }
//                ^^^^^^^ class Request
//                                           ^^^^^ method Request.größe
extension Array<Reply> { func merged() -> Reply { reduce(.empty) } }
//        ^^^^^ class Array
//                            ^^^^^^ method Array.merged

/** Can be stopped. */
protocol Cancellable: AnyObject {
//       ^^^^^^^^^^^ interface Cancellable doc="Can be stopped."
  associatedtype Token
  var token: Token { get }
  func cancel()
}

actor Gate { func open() { signal() } }
//    ^^^^ class Gate
//                ^^^^ method Gate.open

func schedule<T>(_ work: T, on gate: Gate) -> Int {
//   ^^^^^^^^ function schedule
//                                   ^^^^ type
  return RETRIES
//       ^^^^^^^ name
}
infix operator +++
func +++ (left: Int, right: Int) -> Int { left + right }
//   ^^^ function +++
macro logged() = #externalMacro(module: "Macros", type: "Logged")
//    ^^^^^^ function logged
