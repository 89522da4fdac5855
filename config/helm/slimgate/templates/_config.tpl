{{/* slimgate.yaml: config, and what other values say. Listen addresses are in the environment. */}}
{{- define "slimgate.settings" -}}
{{- $settings := deepCopy .Values.config -}}
{{- if and .Values.hosts (not $settings.domains) -}}
{{- $_ := set $settings "domains" (append .Values.hosts "localhost") -}}
{{- end -}}
{{- if .Values.tls.enabled -}}
{{- $_ := set $settings "tls" (dict "certificate" "/run/tls/tls.crt" "key" "/run/tls/tls.key") -}}
{{- end -}}
{{- if .Values.credentialsFile.existingSecret -}}
{{- $_ := set $settings "credentials_file" (printf "/run/credentials/%s" .Values.credentialsFile.key) -}}
{{- end -}}
{{- if .Values.engine.enabled -}}
{{- $url := printf "http://%s-engine.%s.svc:9100" (include "slimgate.fullname" .) .Release.Namespace -}}
{{- $engine := dict "backend" "remote" "remote" (dict "urls" (list $url)) -}}
{{- $_ := set $settings "engine" (mergeOverwrite (default dict $settings.engine) $engine) -}}
{{- end -}}
{{- toYaml $settings -}}
{{- end -}}

{{/* The settings that a running gateway does not reload. */}}
{{- define "slimgate.restartChecksum" -}}
{{- omit (include "slimgate.settings" . | fromYaml) "policies" | toJson | sha256sum -}}
{{- end -}}

{{/* Bytes of 64MiB, 500kB or 4096; pixels of 400MP. */}}
{{- define "slimgate.number" -}}
{{- $text := ternary . (. | toString) (kindIs "string" .) -}}
{{- if not (kindIs "string" .) -}}{{- $text = printf "%d" (int64 .) -}}{{- end -}}
{{- $units := dict "kB" 1000 "KiB" 1024 "MB" 1000000 "MiB" 1048576 "GB" 1000000000 "GiB" 1073741824 "TB" 1000000000000 "TiB" 1099511627776 "MP" 1000000 -}}
{{- $unit := regexFind "[A-Za-z]+$" $text -}}
{{- $factor := 1 -}}
{{- if $unit -}}{{- $factor = index $units $unit -}}{{- end -}}
{{- mul (int64 (trimSuffix $unit $text)) (int64 $factor) -}}
{{- end -}}

{{/*
Memory of a pod in MiB, for a gateway as well as a job. The same sum as memory_needed in
gateway/workers/capacity.py, which a test compares:

    (engine.workers - 1) x 2 GiB    ordinary images, one per worker
  + engine.worker_memory            one large image at a time
  + limits.max_buffered_bytes       uploads and restored files in flight
  + cache.max_bytes                 restored files in memory
  + engine.max_pixels_in_flight x 3 images in the engine
  + 64 MiB                          /tmp
  + 1 GiB                           everything else
*/}}
{{- define "slimgate.memoryMiB" -}}
{{- $settings := include "slimgate.settings" . | fromYaml -}}
{{- $engine := default dict $settings.engine -}}
{{- $workers := int64 (default 2 $engine.workers) -}}
{{- $limits := default dict $settings.limits -}}
{{- $cache := default dict $settings.cache -}}
{{- $ordinary := mul (sub $workers 1) 2147483648 -}}
{{- $large := include "slimgate.number" (default "5GiB" $engine.worker_memory) -}}
{{- $buffers := include "slimgate.number" (default "512MiB" $limits.max_buffered_bytes) -}}
{{- $cached := "268435456" -}}
{{- if hasKey $cache "max_bytes" -}}{{- $cached = include "slimgate.number" $cache.max_bytes -}}{{- end -}}
{{- $pixels := mul 3 (include "slimgate.number" (default "400MP" $engine.max_pixels_in_flight) | int64) -}}
{{- $sum := add $ordinary ($large | int64) ($buffers | int64) ($cached | int64) $pixels 67108864 1073741824 -}}
{{- div (add $sum 1048575) 1048576 -}}
{{- end -}}

{{- define "slimgate.resources" -}}
{{- $settings := include "slimgate.settings" .root | fromYaml -}}
{{- $memory := printf "%sMi" (include "slimgate.memoryMiB" .root) -}}
{{- $cpu := toString (default 2 (default dict $settings.engine).workers) -}}
{{- $least := dict "requests" (dict "cpu" $cpu "memory" $memory) "limits" (dict "memory" $memory) -}}
{{- toYaml (mergeOverwrite $least (deepCopy .given)) -}}
{{- end -}}

{{/* Seconds between SIGTERM and SIGKILL: requests in flight, and the end of the workers. */}}
{{- define "slimgate.gracePeriod" -}}
{{- $settings := .Values.config -}}
{{- $drain := 60 -}}
{{- if hasKey $settings "shutdown_timeout_s" -}}{{- $drain = ceil $settings.shutdown_timeout_s -}}{{- end -}}
{{- add (int64 $drain) 30 -}}
{{- end -}}
