-- Cooperative tasks on top of coroutines: sleeping, waiting for each other, channels.
-- The clock is a parameter, so that tests can run an hour in no time.

local Scheduler = {}
Scheduler.__index = Scheduler

local Task = {}
Task.__index = Task

local Channel = {}
Channel.__index = Channel

-- ---- A binary heap, ordered by when a task wants to run ------------------------------

local function sift_up(heap, i)
  while i > 1 do
    local parent = i // 2
    if heap[parent].wake <= heap[i].wake then break end
    heap[parent], heap[i] = heap[i], heap[parent]
    i = parent
  end
end

local function sift_down(heap, i)
  local size = #heap
  while true do
    local smallest, left = i, 2 * i
    for child = left, math.min(left + 1, size) do
      if heap[child].wake < heap[smallest].wake then
        smallest = child
      end
    end
    if smallest == i then return end
    heap[smallest], heap[i] = heap[i], heap[smallest]
    i = smallest
  end
end

local function push(heap, entry)
  heap[#heap + 1] = entry
  sift_up(heap, #heap)
end

local function pop(heap)
  local first = heap[1]
  heap[1] = heap[#heap]
  heap[#heap] = nil
  if #heap > 1 then
    sift_down(heap, 1)
  end
  return first
end

-- ---- Scheduler ------------------------------------------------------------------------

function Scheduler.new(clock, pause)
  return setmetatable({
    clock = clock or os.clock,
    pause = pause or function() end,
    ready = {},
    sleeping = {},
    count = 0,
  }, Scheduler)
end

function Scheduler:spawn(name, body, ...)
  assert(type(body) == "function", "the body of a task must be a function")
  local task = setmetatable({
    name = name,
    thread = coroutine.create(body),
    scheduler = self,
    waiting = {},
    status = "ready",
  }, Task)
  self.count = self.count + 1
  self:resume_later(task, ...)
  return task
end

function Scheduler:resume_later(task, ...)
  self.ready[#self.ready + 1] = { task = task, values = table.pack(...) }
end

function Scheduler:sleep(seconds)
  local task = assert(self.current, "sleep outside of a task")
  push(self.sleeping, { task = task, wake = self.clock() + seconds })
  return coroutine.yield("sleeping")
end

function Scheduler:finish(task, ok, ...)
  self.count = self.count - 1
  task.status = ok and "done" or "failed"
  task.result = table.pack(...)
  for _, waiter in ipairs(task.waiting) do
    self:resume_later(waiter)
  end
  if not ok and #task.waiting == 0 then
    io.stderr:write(("task %s failed: %s\n"):format(task.name, tostring((...))))
  end
end

function Scheduler:step(entry)
  local task = entry.task
  if task.status == "cancelled" then return end
  self.current = task
  local results = table.pack(coroutine.resume(task.thread, table.unpack(entry.values, 1, entry.values.n)))
  self.current = nil
  if coroutine.status(task.thread) == "dead" then
    self:finish(task, table.unpack(results, 1, results.n))
  else
    task.status = results[2]
  end
end

--- Runs until no task is left, or until all that are left wait for each other.
function Scheduler:run()
  while self.count > 0 do
    local now = self.clock()
    while self.sleeping[1] and self.sleeping[1].wake <= now do
      self:resume_later(pop(self.sleeping).task)
    end
    local batch = self.ready
    self.ready = {}
    for _, entry in ipairs(batch) do
      self:step(entry)
    end
    if #self.ready == 0 then
      local first = self.sleeping[1]
      if not first then
        return self.count == 0, "the tasks wait for each other"
      end
      self.pause(first.wake - now)
    end
  end
  return true
end

function Task:join()
  local scheduler = self.scheduler
  if self.status ~= "done" and self.status ~= "failed" then
    table.insert(self.waiting, assert(scheduler.current, "join outside of a task"))
    coroutine.yield("joining")
  end
  if self.status == "failed" then
    error(self.result[1], 0)
  end
  return table.unpack(self.result, 1, self.result.n)
end

function Task:cancel()
  if self.status ~= "done" and self.status ~= "failed" then
    self.status = "cancelled"
    self.scheduler.count = self.scheduler.count - 1
  end
end

-- ---- Channels -------------------------------------------------------------------------

function Scheduler:channel(capacity)
  return setmetatable({
    scheduler = self, capacity = capacity or 1, items = {}, readers = {}, writers = {},
  }, Channel)
end

local function wake_one(scheduler, queue)
  local task = table.remove(queue, 1)
  if task then
    scheduler:resume_later(task)
  end
end

function Channel:send(value)
  while #self.items >= self.capacity do
    table.insert(self.writers, self.scheduler.current)
    coroutine.yield("sending")
  end
  table.insert(self.items, value)
  wake_one(self.scheduler, self.readers)
end

function Channel:receive()
  while #self.items == 0 do
    if self.closed then return nil end
    table.insert(self.readers, self.scheduler.current)
    coroutine.yield("receiving")
  end
  local value = table.remove(self.items, 1)
  wake_one(self.scheduler, self.writers)
  return value
end

function Channel:close()
  self.closed = true
  while #self.readers > 0 do
    wake_one(self.scheduler, self.readers)
  end
end

return Scheduler
