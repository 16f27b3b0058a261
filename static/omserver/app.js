// The entry of every page: the frame's behaviour. Pages add their own modules beside it.
import { startDrawer, startMenus } from "./frame.js";
import { startKeys } from "./keys.js";
import { startTimes } from "./times.js";
import { startCopy, startConfirm, startDialogs, startSubmits } from "./acts.js";

startDrawer();
startMenus();
startKeys();
startTimes();
startCopy();
startDialogs();
startConfirm();
startSubmits();
