// Every page's script: live updates, the banner and the keyboard. Pages add modules of their own.

import "./banner.js";
import "./keys.js";
import "./live.js";
