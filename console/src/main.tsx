import { render } from "preact";
import { App } from "./app";
import { watch } from "./live";
import "./styles/base.css";
import "./styles/parts.css";
import "./styles/views.css";
import { startTheme } from "./theme";

startTheme();
watch();
render(<App />, document.getElementById("app")!);
