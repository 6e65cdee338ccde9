// Ledger of accounts.
package bank.ledger

import scala.util.Try
//                ^^^ import "Try"
import bank.money.{Amount, Currency => Coin}
//          ^^^^^ import "money"
//                 ^^^^^^ import
import cats.syntax._
//          ^^^^^^ import "syntax"

type Ids = List[Id]
//   ^^^ type Ids
//              ^^ type

val rates = Map(
//  ^^^^^ constant rates
  "eur" -> 1,
  "円" -> 160,
)

/** An account.
  * Never negative.
  */
@deprecated("old 🏦")
sealed abstract class Account[T <: Holder](val owner: T) extends Entity(owner) with Auditing {
//                    ^^^^^^^ class Account doc="An account. Never negative."
//                                 ^^^^^^ type
//                                                               ^^^^^^ type
//                                                                                  ^^^^^^^^ type
  def this() = this(Holder.none)
//    ^^^^ method Account.this
//                  ^^^^^^ name

  val opened: Instant = now()
//                      ^^^ call
  lazy val history = {
//         ^^^^^^^ method Account.history
    load(owner)
//  ^^^^ call
  }
  private[this] var state = 0
  def balance: Amount

  // Books one entry.
  def book[U](entry: U, tags: List[Tag] = Nil)(implicit order: Ordering[U]): Option[U] = {
//    ^^^^ method Account.book doc="Books one entry."
//                                 ^^^ type
//                                                             ^^^^^^^^ type
    def check(x: U) = x != null
    ledger.append(entry).map(_.id)
//         ^^^^^^ call
//                       ^^^ call
    val posting = new Posting(entry, Side.Debit)
//                    ^^^^^^^ call
//                                   ^^^^ name
//                                        ^^^^^ name
    entry match {
      case Transfer(from, to) => move[U](from) orElse Failure(to)
//         ^^^^^^^^ type
//                               ^^^^ call
//                                             ^^^^^^ call
//                                                    ^^^^^^^ call
      case Closed => None
//         ^^^^^^ name
    }
  }

  override def toString = s"$owner"
//             ^^^^^^^^ method Account.toString
  def +(other: Amount) = balance.plus(other)
//    ^ method Account.+
//                               ^^^^ call
  def größe: Int = 1
//    ^^^^^ method Account.größe
  class Cursor { def move: Unit = step() }
//      ^^^^^^ class Account.Cursor
//                   ^^^^ method Account.Cursor.move
}

object Account {
//     ^^^^^^^ class Account
  def apply(owner: Person) = new Savings(owner) {}
//    ^^^^^ method Account.apply
//                               ^^^^^^^ call
  implicit class Named(text: String) { def named = Account(text) }
//               ^^^^^ class Account.Named
//                                         ^^^^^ method Account.Named.named
//                                                 ^^^^^^^ call
}

case class Transfer(from: Id, to: Id)
//         ^^^^^^^^ class Transfer
case object Closed
//          ^^^^^^ class Closed

trait Auditing {
//    ^^^^^^^^ interface Auditing
  def audit(): Unit
  def auditTwice() = { audit(); audit() }
//    ^^^^^^^^^^ method Auditing.auditTwice
//                     ^^^^^ call
}

enum Side(val sign: Int) {
//   ^^^^ enum Side
  case Debit extends Side(-1)
  case Credit extends Side(1)
  def flip = if (sign > 0) Debit else Credit
//    ^^^^ method Side.flip
}

given amountOrdering: Ordering[Amount] = Ordering.by(_.cents)
//    ^^^^^^^^^^^^^^ class amountOrdering
//                    ^^^^^^^^ name

extension (amount: Amount)
  def twice = amount.times(2)
//    ^^^^^ method Amount.twice
//                   ^^^^^ call

class AccountSuite extends FunSuite {
//    ^^^^^^^^^^^^ class AccountSuite
  "accounts" should {
// ^^^^^^^^ module AccountSuite.accounts
    "open" in { assertEquals(Account("x").balance, 0) }
//   ^^^^ method AccountSuite.accounts.open
//              ^^^^^^^^^^^^ call
  }
  test("books") {
//      ^^^^^ method AccountSuite.books
    assert(Account("x").book(1).isDefined)
//  ^^^^^^ call
  }
}

def total(accounts: List[Account[?]]): Int =
//  ^^^^^ function total
//                       ^^^^^^^ type
  accounts.size

package object defaults { def currency = Coin("eur") }
//             ^^^^^^^^ module defaults
//                            ^^^^^^^^ method defaults.currency
//                                       ^^^^ call
