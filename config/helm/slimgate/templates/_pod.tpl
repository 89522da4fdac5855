{{/* The secret settings of a pod: (dict "root" $ "admin" true) */}}
{{- define "slimgate.secretSettings" -}}
{{- $found := dict -}}
{{- range $path, $source := .root.Values.secretSettings -}}
{{- if or $.admin (not (hasPrefix "admin." $path)) -}}
{{- $_ := set $found $path $source -}}
{{- end -}}
{{- end -}}
{{- if .root.Values.engine.enabled -}}
{{- $token := dict "existingSecret" .root.Values.engine.existingSecret "key" .root.Values.engine.key -}}
{{- $_ := set $found "engine.remote.token" $token -}}
{{- end -}}
{{- toJson $found -}}
{{- end -}}

{{- define "slimgate.env" -}}
- {name: SLIMGATE_CONFIG, value: /etc/slimgate/slimgate.yaml}
{{- range $path, $_ := include "slimgate.secretSettings" . | fromJson }}
- name: SLIMGATE_{{ $path | replace "." "__" | upper }}_FILE
  value: /run/secrets/slimgate/{{ $path }}
{{- end }}
{{- with .root.Values.gateway.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "slimgate.volumeMounts" -}}
- {name: config, mountPath: /etc/slimgate, readOnly: true}
{{- if include "slimgate.secretSettings" . | fromJson }}
- {name: secrets, mountPath: /run/secrets/slimgate, readOnly: true}
{{- end }}
- {name: state, mountPath: /var/lib/slimgate}
- {name: spool, mountPath: /var/spool/slimgate}
- {name: tmp, mountPath: /tmp}
{{- if .root.Values.tls.enabled }}
- {name: tls, mountPath: /run/tls, readOnly: true}
{{- end }}
{{- if .root.Values.credentialsFile.existingSecret }}
- {name: credentials, mountPath: /run/credentials, readOnly: true}
{{- end }}
{{- end -}}

{{- define "slimgate.volumes" -}}
{{- $root := .root -}}
- name: config
  configMap: {name: {{ include "slimgate.fullname" $root }}}
{{- with include "slimgate.secretSettings" . | fromJson }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $path, $source := . }}
      - secret:
          name: {{ $source.existingSecret }}
          items: [{key: {{ $source.key | quote }}, path: {{ $path | quote }}}]
      {{- end }}
{{- end }}
- name: state
  emptyDir: {sizeLimit: 4Gi}
- name: spool
  {{- with $root.Values.gateway.spool }}
  {{- if .storageClassName }}
  ephemeral:
    volumeClaimTemplate:
      spec:
        accessModes: [ReadWriteOnce]
        storageClassName: {{ .storageClassName }}
        resources: {requests: {storage: {{ .size }}}}
  {{- else }}
  emptyDir: {sizeLimit: {{ .size }}}
  {{- end }}
  {{- end }}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- if $root.Values.tls.enabled }}
- name: tls
  secret:
    secretName: {{ required "tls.enabled needs tls.existingSecret or certificate.enabled" (include "slimgate.certificateSecret" (list $root $root.Values.tls.existingSecret)) }}
    defaultMode: 0440
{{- end }}
{{- with $root.Values.credentialsFile.existingSecret }}
- name: credentials
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{/* Where a pod runs: (dict "root" $ "place" .Values.gateway "component" "gateway") */}}
{{- define "slimgate.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .place.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .place.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .place.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .place.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .place.topologyKeys }}
topologySpreadConstraints: {{- include "slimgate.topologySpread" (dict "root" $.root "component" $.component "keys" .) | nindent 2 }}
{{- end }}
{{- end -}}
