// Keeps a page current. One element of the page says where news come from:
//   data-events="/v1/studies/ID/events"   server-sent events: the page is fetched again at each change
//     data-quick="/studies/ID/progress"   a small page with the parts that move at every step
//     data-of="TRIAL"                     only this trial's events count
//   data-poll-ms="5000"                   no events: looked at again after so long,
//     data-poll-while="[data-running]"    while the page has such an element
// A hidden tab holds no connection and asks for nothing. When it is seen again, or the connection
// comes back, the whole page is fetched once: whatever happened meanwhile is in it.

import { complain, retryAll, settle } from "./banner.js";
import { refresh } from "./parts.js";

const UPDATE_MS = 900; // between two fetches of one address: workers report once a second
const RECONNECT_MS = 3000;

const connection = document.getElementById("connection");
let seenAt = new Date();

function say(state, text) {
  connection.dataset.state = state;
  connection.textContent = text;
}

/** The page as it is now in the address bar: filters are a part of the address. */
function here() {
  return location.pathname + location.search;
}

/** `task`, at once and then at most every `ms`; never twice at the same time, never unseen. */
function paced(task, ms) {
  let busy = false;
  let again = false;
  return async function run() {
    if (document.hidden) return;
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    await task();
    await new Promise((done) => setTimeout(done, ms));
    busy = false;
    if (again) {
      again = false;
      run();
    }
  };
}

/** Fetch `address`, and say so where that fails. */
async function bring(address) {
  try {
    await refresh(address);
    seenAt = new Date();
    settle(address);
  } catch (error) {
    complain(address, `${error.message} What you see is from ${seenAt.toLocaleTimeString()}.`, () => bring(address));
  }
}

function followEvents(source) {
  const { events, quick, of } = source.dataset;
  const page = paced(() => bring(here()), UPDATE_MS);
  const moving = quick ? paced(() => bring(quick), UPDATE_MS) : () => {};
  let stream = null;
  let timer = 0;

  function connect() {
    disconnect();
    stream = new EventSource(events);
    // What happened before the stream opened is in no event.
    stream.addEventListener("open", () => {
      say("live", "live");
      settle(events);
      retryAll();
      page();
    });
    stream.addEventListener("progress", (event) => isWanted(event) && moving());
    for (const kind of ["trial", "study"]) {
      stream.addEventListener(kind, (event) => {
        if (!isWanted(event)) return;
        if (quick && JSON.parse(event.data).state === "RUNNING") moving();
        else page();
      });
    }
    stream.addEventListener("error", lose);
  }

  function isWanted(event) {
    return !of || JSON.parse(event.data).trial_id === of;
  }

  function lose() {
    say("lost", "Connection lost, trying again …");
    complain(
      events,
      `The connection to the service is lost. What you see is from ${seenAt.toLocaleTimeString()}; ` +
        "the page goes on by itself when the service is back.",
      connect,
    );
    if (stream.readyState === EventSource.CLOSED) timer = setTimeout(connect, RECONNECT_MS);
  }

  function disconnect() {
    clearTimeout(timer);
    stream?.close();
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  addEventListener("pagehide", disconnect);
  addEventListener("pageshow", (event) => event.persisted && connect());
  if (!document.hidden) connect();
}

function followByPolling() {
  let timer = 0;

  async function look() {
    const source = document.querySelector("[data-poll-ms]");
    const isMoving = !source.dataset.pollWhile || document.querySelector(source.dataset.pollWhile);
    if (document.hidden) return;
    if (isMoving) await bring(here());
    // The page itself may ask to be looked at sooner or later than before.
    timer = setTimeout(look, Number(document.querySelector("[data-poll-ms]").dataset.pollMs));
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!document.hidden) look();
  });
  if (!document.hidden) {
    timer = setTimeout(look, Number(document.querySelector("[data-poll-ms]").dataset.pollMs));
  }
}

const source = document.querySelector("[data-events]");
if (source) followEvents(source);
else if (document.querySelector("[data-poll-ms]")) followByPolling();
