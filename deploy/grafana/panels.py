"""What dashboards are made of: panels, rows and variables as Grafana reads them (schema 39, Grafana 11 and later)."""

from __future__ import annotations

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


def query(expression: str, legend: str = "", **more) -> dict:
    return {"expr": expression, "legendFormat": legend or "__auto", "datasource": DATASOURCE, **more}


def panel(kind: str, title: str, description: str, queries: list, unit: str, width: int, height: int, **field) -> dict:
    targets = [dict(q if isinstance(q, dict) else query(*q), refId=chr(ord("A") + n)) for n, q in enumerate(queries)]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets,
        "gridPos": {"w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": unit, **field}, "overrides": []},
    }


def lines(
    title: str, description: str, queries: list, unit: str = "short", width: int = 12, stacked: bool = False, **field
) -> dict:
    """Lines over time."""
    custom = {"lineWidth": 1, "fillOpacity": 25 if stacked else 8, "showPoints": "never", "spanNulls": False}
    custom["stacking"] = {"mode": "normal" if stacked else "none", "group": "A"}
    made = panel("timeseries", title, description, queries, unit, width, 8, custom=custom, min=field.pop("min", 0), **field)
    made["options"] = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["mean", "max", "lastNotNull"], "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return made


def number(title: str, description: str, queries: list, unit: str = "short", steps: list | None = None, width: int = 4) -> dict:
    """One figure; steps are (colour, from), the first from minus infinity."""
    thresholds = {"mode": "absolute", "steps": [{"color": c, "value": v} for c, v in steps or [("text", None)]]}
    made = panel("stat", title, description, queries, unit, width, 4, thresholds=thresholds)
    made["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "textMode": "auto",
    }
    return made


def heatmap(title: str, description: str, expression: str, unit: str = "short", width: int = 12) -> dict:
    """How a histogram is spread over time."""
    made = panel("heatmap", title, description, [query(expression, "{{le}}", format="heatmap")], unit, width, 8)
    made["options"] = {
        "calculate": False,
        "yAxis": {"unit": unit},
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5},
        "cellGap": 1,
        "tooltip": {"show": True, "yHistogram": True},
        "legend": {"show": True},
    }
    return made


def states(title: str, description: str, queries: list, names: dict, width: int = 12) -> dict:
    """A coloured bar over time; names are value -> (word, colour)."""
    mapping = {str(value): {"text": word, "color": colour, "index": n} for n, (value, (word, colour)) in enumerate(names.items())}
    made = panel(
        "state-timeline", title, description, queries, "short", width, 6, mappings=[{"type": "value", "options": mapping}]
    )
    made["options"] = {
        "showValue": "auto",
        "mergeValues": True,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
    }
    return made


def row(title: str) -> dict:
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": WIDTH, "h": 1}}


def placed(panels: list) -> list:
    """The panels with their numbers and places: from left to right, in the next line where one doesn't fit."""
    x = y = tallest = 0
    for number_, made in enumerate(panels, start=1):
        grid = made["gridPos"]
        if x + grid["w"] > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        grid.update(x=x, y=y)
        x, tallest = x + grid["w"], max(tallest, grid["h"])
        made["id"] = number_
    return panels


def variable(name: str, label: str, metric: str) -> dict:
    """A choice of values of a label, all of them at first."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": f"label_values({metric}, {name})", "refId": name},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def dashboard(uid: str, title: str, description: str, panels: list, variables: tuple = ()) -> dict:
    datasource = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {},
        "hide": 0,
    }
    instance = variable("instance", "Instance", 'up{job="instinct"}')
    links = {
        "type": "dashboards",
        "tags": ["instinct"],
        "title": "Instinct",
        "asDropdown": True,
        "includeVars": True,
        "keepTime": True,
    }
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["instinct"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "",
        "templating": {"list": [datasource, instance, *variables]},
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "datasource": DATASOURCE,
                    "enable": True,
                    "iconColor": "red",
                    "expr": 'ALERTS{alertname=~"Instinct.*",alertstate="firing"}',
                    "titleFormat": "{{alertname}}",
                    "textFormat": "{{instance}} {{severity}}",
                }
            ]
        },
        "links": [links],
        "panels": placed(panels),
    }
