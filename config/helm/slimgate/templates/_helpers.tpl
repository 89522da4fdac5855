{{- define "slimgate.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "slimgate.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "slimgate.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "slimgate.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What never changes of the labels: (dict "root" $ "component" "gateway") */}}
{{- define "slimgate.selector" -}}
app.kubernetes.io/name: {{ include "slimgate.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "slimgate.labels" -}}
{{ include "slimgate.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: slimgate
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "slimgate.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "slimgate.labels" . | nindent 2 }}
{{- end -}}

{{- define "slimgate.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "slimgate.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* (dict "root" $ "gpu" true) */}}
{{- define "slimgate.image" -}}
{{- $image := .root.Values.image -}}
{{- $tag := printf "%s%s" (default .root.Chart.AppVersion $image.tag) (ternary "-gpu" "" .gpu) -}}
{{- if and $image.digest (not .gpu) -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository $tag -}}
{{- end -}}
{{- end -}}

{{/* The Secret of the certificate for hosts: what cert-manager writes, or the given one. */}}
{{- define "slimgate.certificateSecret" -}}
{{- $given := index . 1 -}}
{{- with index . 0 -}}
{{- if $given -}}
{{- $given -}}
{{- else if .Values.certificate.enabled -}}
{{- include "slimgate.fullname" . }}-tls
{{- end -}}
{{- end -}}
{{- end -}}

{{/* All names that clients use: (list $ "what needs them") */}}
{{- define "slimgate.hostNames" -}}
{{- $values := (index . 0).Values -}}
{{- if not $values.hosts -}}{{- fail (printf "%s needs hosts" (index . 1)) -}}{{- end -}}
{{- range $values.hosts }}
- {{ . | quote }}
{{- if $values.wildcardHosts }}
- {{ printf "*.%s" . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "slimgate.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "slimgate.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* (dict "root" $ "component" "gateway" "keys" list) */}}
{{- define "slimgate.topologySpread" -}}
{{- range .keys }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels: {{- include "slimgate.selector" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}
