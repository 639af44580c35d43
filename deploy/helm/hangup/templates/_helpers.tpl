{{/* The name of every object: the release, and `hangup` in it. */}}
{{- define "hangup.name" -}}
{{- $name := ternary .Release.Name (printf "%s-hangup" .Release.Name) (contains "hangup" .Release.Name) -}}
{{- $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* What the pod is found by. Never changes: a StatefulSet refuses it. */}}
{{- define "hangup.selector" -}}
app.kubernetes.io/name: hangup
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "hangup.labels" -}}
{{ include "hangup.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "hangup.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{/* What every container here may do: nothing beyond its own work. */}}
{{- define "hangup.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "hangup.pod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
# Secrets belong to root; this is the group that may read them.
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
