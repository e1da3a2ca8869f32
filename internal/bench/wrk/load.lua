-- The one script of all runs of wrk: the same request again, or, where TOKENS
-- names a file, with the bearer token of its next line.

local threads = {}

function setup(thread)
	table.insert(threads, thread)
end

local path = os.getenv("TOKENS")
if path then
	local file, head, tail
	repeated = 0

	function init()
		file = assert(io.open(path))
		wrk.headers["Authorization"] = "Bearer TOKEN"
		local text = wrk.format()
		local at = text:find("TOKEN", 1, true)
		head, tail = text:sub(1, at - 1), text:sub(at + 5)
	end

	function request()
		local token = file:read("*l")
		if not token then -- from here on they are no longer new
			repeated = repeated + 1
			file:seek("set")
			token = file:read("*l")
		end
		return head .. token .. tail
	end
end

function done(summary, latency)
	local again = 0
	for _, thread in ipairs(threads) do
		again = again + (thread:get("repeated") or 0)
	end
	local e = summary.errors
	io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
		e.status, e.connect + e.read + e.write + e.timeout, again))
	io.write(string.format("LATENCY %d %d\n", latency:percentile(50), latency:percentile(99)))
end
