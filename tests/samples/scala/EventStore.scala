package samples.events

import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path, StandardOpenOption}
import java.time.Instant

import scala.collection.mutable
import scala.concurrent.{ExecutionContext, Future}
import scala.util.control.NonFatal
import scala.util.{Failure, Success, Try}

/** Bank accounts as sequences of events. The present balance is a fold over the past. */
sealed trait Event {
  def at: Instant
}

final case class Opened(at: Instant, owner: String) extends Event
final case class Deposited(at: Instant, cents: Long) extends Event
final case class Withdrawn(at: Instant, cents: Long) extends Event
final case class Closed(at: Instant) extends Event

sealed abstract class Rejection(val message: String)

object Rejection {
  case object NotOpen extends Rejection("the account is not open")
  case object AlreadyOpen extends Rejection("the account is open already")
  final case class Insufficient(missing: Long) extends Rejection(s"$missing cents are missing")
  final case class Conflict(expected: Int, found: Int)
      extends Rejection(s"version $expected expected, $found found")
}

final case class Account(owner: String, balance: Long, open: Boolean) {
  def apply(event: Event): Account = event match {
    case Opened(_, name)      => copy(owner = name, open = true)
    case Deposited(_, cents)  => copy(balance = balance + cents)
    case Withdrawn(_, cents)  => copy(balance = balance - cents)
    case Closed(_)            => copy(open = false)
  }
}

object Account {
  val empty: Account = Account(owner = "", balance = 0L, open = false)

  def replay(events: Seq[Event]): Account = events.foldLeft(empty)((account, event) => account(event))
}

/** Stores events by stream. Appending names the version it was decided on. */
trait EventStore {
  def load(stream: String): Seq[Event]
  def append(stream: String, expected: Int, events: Seq[Event]): Either[Rejection, Int]
}

class MemoryStore extends EventStore {
  private val streams = mutable.Map.empty[String, Vector[Event]]

  override def load(stream: String): Seq[Event] = synchronized {
    streams.getOrElse(stream, Vector.empty)
  }

  override def append(stream: String, expected: Int, events: Seq[Event]): Either[Rejection, Int] =
    synchronized {
      val present = streams.getOrElse(stream, Vector.empty)
      if (present.size != expected) {
        Left(Rejection.Conflict(expected, present.size))
      } else {
        streams(stream) = present ++ events
        Right(present.size + events.size)
      }
    }
}

class FileStore(folder: Path) extends EventStore {
  private val memory = new MemoryStore

  private def encode(event: Event): String = event match {
    case Opened(at, owner)    => s"opened\t$at\t$owner"
    case Deposited(at, cents) => s"deposited\t$at\t$cents"
    case Withdrawn(at, cents) => s"withdrawn\t$at\t$cents"
    case Closed(at)           => s"closed\t$at"
  }

  private def decode(line: String): Try[Event] = Try {
    line.split('\t').toList match {
      case "opened" :: at :: owner :: Nil    => Opened(Instant.parse(at), owner)
      case "deposited" :: at :: cents :: Nil => Deposited(Instant.parse(at), cents.toLong)
      case "withdrawn" :: at :: cents :: Nil => Withdrawn(Instant.parse(at), cents.toLong)
      case "closed" :: at :: Nil             => Closed(Instant.parse(at))
      case other                             => throw new IllegalArgumentException(s"not an event: $other")
    }
  }

  override def load(stream: String): Seq[Event] = {
    val path = folder.resolve(stream)
    if (memory.load(stream).isEmpty && Files.exists(path)) {
      val lines = Files.readString(path, UTF_8).linesIterator.filter(_.nonEmpty)
      val events = lines.map(decode).map {
        case Success(event) => event
        case Failure(error) => throw new IllegalStateException(s"$path is damaged", error)
      }.toVector
      memory.append(stream, 0, events)
    }
    memory.load(stream)
  }

  override def append(stream: String, expected: Int, events: Seq[Event]): Either[Rejection, Int] =
    memory.append(stream, expected, events).map { version =>
      val text = events.map(encode).mkString("", "\n", "\n")
      Files.write(
        folder.resolve(stream),
        text.getBytes(UTF_8),
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND
      )
      version
    }
}

class Bank(store: EventStore, now: () => Instant = () => Instant.now())(implicit ec: ExecutionContext) {
  import Rejection._

  type Decision = Account => Either[Rejection, Seq[Event]]

  private def decide(id: String)(decision: Decision): Either[Rejection, Account] = {
    val past = store.load(id)
    val account = Account.replay(past)
    for {
      events <- decision(account)
      _      <- store.append(id, past.size, events)
    } yield events.foldLeft(account)(_ apply _)
  }

  def open(id: String, owner: String): Either[Rejection, Account] = decide(id) { account =>
    if (account.open) Left(AlreadyOpen) else Right(Seq(Opened(now(), owner)))
  }

  def deposit(id: String, cents: Long): Either[Rejection, Account] = decide(id) {
    case Account(_, _, false) => Left(NotOpen)
    case _                    => Right(Seq(Deposited(now(), cents)))
  }

  def withdraw(id: String, cents: Long): Either[Rejection, Account] = decide(id) { account =>
    val missing = cents - account.balance
    if (!account.open) Left(NotOpen)
    else if (missing > 0) Left(Insufficient(missing))
    else Right(Seq(Withdrawn(now(), cents)))
  }

  /** Conflicts are tried again, a few times; other rejections are final. */
  def withRetry[A](attempts: Int)(action: => Either[Rejection, A]): Future[Either[Rejection, A]] =
    Future(action).flatMap {
      case Left(Conflict(_, _)) if attempts > 1 => withRetry(attempts - 1)(action)
      case result                               => Future.successful(result)
    }.recover { case NonFatal(error) =>
      throw new RuntimeException("the store failed", error)
    }
}
