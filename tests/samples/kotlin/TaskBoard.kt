package samples.board

import java.io.File
import java.time.Clock
import java.time.Duration
import java.time.Instant
import java.util.UUID

/** A board of tasks: what may follow what, who may do it, and a history of it all. */

enum class Status(val label: String) {
    OPEN("open"),
    IN_PROGRESS("in progress"),
    REVIEW("in review"),
    DONE("done");

    fun next(): Set<Status> = when (this) {
        OPEN -> setOf(IN_PROGRESS, DONE)
        IN_PROGRESS -> setOf(REVIEW, OPEN)
        REVIEW -> setOf(DONE, IN_PROGRESS)
        DONE -> emptySet()
    }
}

@JvmInline
value class TaskId(val value: String) {
    init {
        require(value.isNotBlank()) { "a task's id must not be blank" }
    }

    companion object {
        fun random() = TaskId(UUID.randomUUID().toString().take(8))
    }
}

sealed class Change {
    abstract val at: Instant

    data class Created(override val at: Instant, val title: String) : Change()
    data class Moved(override val at: Instant, val from: Status, val to: Status) : Change()
    data class Assigned(override val at: Instant, val person: String?) : Change()
}

data class Task(
    val id: TaskId,
    val title: String,
    val status: Status = Status.OPEN,
    val assignee: String? = null,
    val dependsOn: Set<TaskId> = emptySet(),
    val history: List<Change> = emptyList(),
) {
    val isFinished: Boolean
        get() = status == Status.DONE

    fun timeIn(wanted: Status, now: Instant): Duration {
        var total = Duration.ZERO
        var since = history.firstOrNull()?.at ?: return total
        var current = Status.OPEN
        for (change in history) {
            if (change !is Change.Moved) continue
            if (current == wanted) total += Duration.between(since, change.at)
            since = change.at
            current = change.to
        }
        if (current == wanted) total += Duration.between(since, now)
        return total
    }
}

sealed interface Outcome<out T> {
    data class Success<T>(val value: T) : Outcome<T>
    data class Failure(val reason: String) : Outcome<Nothing>
}

inline fun <T, R> Outcome<T>.then(next: (T) -> Outcome<R>): Outcome<R> = when (this) {
    is Outcome.Success -> next(value)
    is Outcome.Failure -> this
}

class Board(private val clock: Clock = Clock.systemUTC(), private val limit: Int = 3) {
    private val tasks = linkedMapOf<TaskId, Task>()

    operator fun get(id: TaskId): Task? = tasks[id]

    operator fun contains(id: TaskId) = id in tasks.keys

    fun create(title: String, vararg dependencies: TaskId): Outcome<Task> {
        val missing = dependencies.filterNot { it in this }
        if (missing.isNotEmpty()) {
            return Outcome.Failure("unknown tasks: ${missing.joinToString { it.value }}")
        }
        val task = Task(
            id = TaskId.random(),
            title = title.trim(),
            dependsOn = dependencies.toSet(),
            history = listOf(Change.Created(clock.instant(), title)),
        )
        tasks[task.id] = task
        return Outcome.Success(task)
    }

    fun assign(id: TaskId, person: String?): Outcome<Task> = find(id).then { task ->
        val busy = tasks.values.count { it.assignee == person && !it.isFinished }
        if (person != null && busy >= limit) {
            Outcome.Failure("$person already has $busy tasks")
        } else {
            store(task.copy(assignee = person, history = task.history + Change.Assigned(clock.instant(), person)))
        }
    }

    fun move(id: TaskId, to: Status): Outcome<Task> = find(id).then { task ->
        val waitsFor = task.dependsOn.mapNotNull(tasks::get).filterNot(Task::isFinished)
        when {
            to !in task.status.next() ->
                Outcome.Failure("from ${task.status.label} to ${to.label} there is no way")
            to == Status.DONE && waitsFor.isNotEmpty() ->
                Outcome.Failure("waits for ${waitsFor.joinToString { "\"${it.title}\"" }}")
            else -> {
                val change = Change.Moved(clock.instant(), task.status, to)
                store(task.copy(status = to, history = task.history + change))
            }
        }
    }

    fun summary(): String = buildString {
        for ((status, group) in tasks.values.groupBy(Task::status).toSortedMap()) {
            appendLine("${status.label} (${group.size})")
            group.sortedBy { it.title }.forEach { task ->
                val who = task.assignee?.let { " @$it" } ?: ""
                appendLine("  - ${task.title}$who")
            }
        }
    }

    fun export(file: File) {
        file.bufferedWriter().use { writer ->
            tasks.values.forEach { task ->
                writer.write(listOf(task.id.value, task.status, task.title).joinToString("\t"))
                writer.newLine()
            }
        }
    }

    private fun find(id: TaskId): Outcome<Task> =
        tasks[id]?.let { Outcome.Success(it) } ?: Outcome.Failure("there is no task ${id.value}")

    private fun store(task: Task): Outcome<Task> {
        tasks[task.id] = task
        return Outcome.Success(task)
    }
}

fun main() {
    val board = Board()
    val design = board.create("Write the design down")
    if (design is Outcome.Success) {
        board.create("Build it", design.value.id)
        board.move(design.value.id, Status.IN_PROGRESS)
        try {
            board.export(File("board.tsv"))
        } catch (error: java.io.IOException) {
            System.err.println("cannot write: ${error.message}")
        }
    }
    print(board.summary())
}
