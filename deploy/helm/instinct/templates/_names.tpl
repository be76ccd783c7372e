{{- define "instinct.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "instinct.selector" -}}
app.kubernetes.io/name: instinct
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "instinct.labels" -}}
{{ include "instinct.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "instinct.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "instinct.redis" -}}
{{- if eq .Values.store.backend "redis" }}true{{ end }}
{{- end }}

{{- define "instinct.strategies" -}}
{{- if .Values.strategiesConfigMap }}{{ .Values.strategiesConfigMap }}{{ else if .Values.strategies }}{{ include "instinct.name" . }}-strategies{{ end }}
{{- end }}
