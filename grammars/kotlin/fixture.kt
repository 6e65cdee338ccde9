/* Playlists. */
package app.music

import app.core.Clock
//     ^^^^^^^^^^^^^^ import "app.core.Clock"
import app.io.Store as Disk
//     ^^^^^^^^^^^^ import "app.io.Store"
import app.util.*
//     ^^^^^^^^ import "app.util"

/** At most this many. */
const val LIMIT = 100

val presets = mapOf(
//  ^^^^^^^ constant presets
  "quiet" to 1,
  "громко" to LIMIT,
//            ^^^^^ name
)

typealias Listener = (Track) -> Unit
//        ^^^^^^^^ type Listener
//                    ^^^^^ type

fun Playlist.shuffled(seed: Int): Playlist {
//           ^^^^^^^^ function Playlist.shuffled
  return copy(tracks = mix(seed))
//                     ^^^ call
}

internal fun <T> List<T>.second(): T {
//                       ^^^^^^ function List.second
  return get(1)
}
fun app.music.Track?.title() = this?.name ?: ""
//                   ^^^^^ function Track.title

/**
 * A list of tracks.
 */
@Serializable
data class Playlist(val name: String, private val tracks: List<Track>) : Base<Track>(name), Named {
//         ^^^^^^^^ class Playlist doc="A list of tracks."
//                                                                       ^^^^ type
//                                                                                          ^^^^^ type
  private val seed = Clock.SYSTEM
//                   ^^^^^ name
//                         ^^^^^^ name
  init { register(this) }
//       ^^^^^^^^ call

  constructor(name: String) : this(name, emptyList()) { log("🎵"); warm() }
//^^^^^^^^^^^ method Playlist.constructor
//                                                      ^^^ call
//                                                                 ^^^^ call

  val size: Int
//    ^^^^ method Playlist.size
    get() = tracks.count()
//                 ^^^^^ call

  var volume: Int = 1
//    ^^^^^^ method Playlist.volume
    get() { return field }
    set(value) { field = clamp(value) }
//                       ^^^^^ call

  // Plays all.
  @Throws(IOException::class)
  override suspend fun <T : Any> play(from: T?, listener: Listener): Result<T> where T : Comparable<T> {
//                               ^^^^ method Playlist.play doc="Plays all."
//                                                        ^^^^^^^^ type
//                                                                   ^^^^^^ type
    fun next() = tracks.first()
    from?.let { listener(it as Track) }
//        ^^^ call
//              ^^^^^^^^ call
//                             ^^^^^ type
    tracks.map(::render).filter<Track> { it is Loud }
//               ^^^^^^ call
//                       ^^^^^^ call
//                                             ^^^^ type
    try { Player(LIMIT).start() } catch (error: PlayerException) { retry { next() } }
//        ^^^^^^ call
//               ^^^^^ name
//                      ^^^^^ call
//                                              ^^^^^^^^^^^^^^^ type
//                                                                 ^^^^^ call
    return this merge other
//              ^^^^^ call
  }

  abstract fun stop()
  operator fun plus(other: Playlist) = Playlist(name, tracks + other.tracks)
//             ^^^^ method Playlist.plus
//                         ^^^^^^^^ type
  fun `when`() { play(null) {} }
//    ^^^^^^ method Playlist.when

  inner class Cursor { fun move() { step() } }
//            ^^^^^^ class Playlist.Cursor
//                         ^^^^ method Playlist.Cursor.move

  companion object {
    const val VERSION = 2
    fun empty() = Playlist("")
//      ^^^^^ method Playlist.empty
//                ^^^^^^^^ call
  }
}

class Marker
//    ^^^^^^ class Marker

object Library : Closeable {
//     ^^^^^^^ class Library
//               ^^^^^^^^^ type
  override fun close() { Disk.flush() }
//             ^^^^^ method Library.close
//                       ^^^^ name
//                            ^^^^^ call
}

interface Named {
//        ^^^^^ interface Named
  val title: String
  fun rename(to: String)
  fun shout() = title.uppercase()
//    ^^^^^ method Named.shout
}

enum class Mode(val label: String) {
//         ^^^^ enum Mode
  SHUFFLE("s"),
  REPEAT("r");

  fun next() = values().first()
//    ^^^^ method Mode.next
//             ^^^^^^ call
}

sealed interface Event
//               ^^^^^ interface Event

inline fun größe(list: Playlist, crossinline each: (Track) -> Unit) { list.forEach { each(it) } }
//         ^^^^^ function größe
//                                                                         ^^^^^^^ call
val Playlist.isEmpty: Boolean get() = size == 0
//           ^^^^^^^ method isEmpty

fun interface Filter {
//            ^^^^^^ interface Filter
  fun keep(track: Track): Boolean
}
