{{- /* The pod of both kinds of workload. */ -}}
{{- define "instinct.pod" -}}
metadata:
  labels:
    {{- include "instinct.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Other settings are other pods.
    checksum/config: {{ printf "%s%s" .Values.config (toJson .Values.strategies) | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "instinct.name" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: { matchLabels: { {{ include "instinct.selector" . | replace "\n" ", " }} } }
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: { matchLabels: { {{ include "instinct.selector" . | replace "\n" ", " }} } }
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: instinct
      image: {{ include "instinct.image" . }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: ["serve", "--config", "/etc/instinct/instinct.toml"]
      env:
        - name: INSTINCT_SERVER__LISTEN
          value: 0.0.0.0:8005
        {{- if not (or .Values.allowRemote .Values.auth.keysSecret (contains "[auth" .Values.config)) }}
        {{- fail "no credentials are configured: set auth.keysSecret, or [auth.jwt] in config; or allowRemote=true where the network alone keeps strangers out" }}
        {{- end }}
        {{- if .Values.auth.keysSecret }}
        - name: INSTINCT_AUTH__KEYS_FILE
          value: /run/secrets/api-keys/keys.toml
        {{- end }}
        {{- if .Values.allowRemote }}
        - name: INSTINCT_SERVER__ALLOW_REMOTE
          value: "true"
        {{- end }}
        - name: INSTINCT_STORE__DATA_DIR
          value: /data
        {{- if include "instinct.redis" . }}
        - name: INSTINCT_STORE__BACKEND
          {{- if .Values.store.redis.existingSecret }}
          valueFrom:
            secretKeyRef: { name: {{ .Values.store.redis.existingSecret }}, key: url }
          {{- else }}
          value: {{ required "store.redis.url or store.redis.existingSecret is needed where store.backend is redis" .Values.store.redis.url | quote }}
          {{- end }}
        {{- end }}
        {{- if include "instinct.strategies" . }}
        - name: INSTINCT_STRATEGIES__DIR
          value: /etc/instinct-strategies
        {{- end }}
        {{- with .Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - { name: http, containerPort: 8005, protocol: TCP }
      startupProbe:
        httpGet: { path: /health/ready, port: http }
        periodSeconds: 5
        failureThreshold: {{ div (add (int .Values.startupSeconds) 4) 5 }}
      readinessProbe:
        httpGet: { path: /health/ready, port: http }
        periodSeconds: 5
        timeoutSeconds: 2
        failureThreshold: 2
      # Alive is less than ready: a service whose store is away must not be killed for it, for it still answers from memory.
      livenessProbe:
        httpGet: { path: /health/live, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      lifecycle:
        preStop:
          # Kubernetes takes the pod out of the endpoints while this runs; the image has no shell to sleep with.
          sleep: { seconds: 5 }
      resources:
        {{- $gpu := dict }}
        {{- if .Values.gpus }}{{ $gpu = dict "limits" (dict "nvidia.com/gpu" .Values.gpus) }}{{ end }}
        {{- toYaml (mergeOverwrite (deepCopy .Values.resources) $gpu) | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: data, mountPath: /data }
        - { name: tmp, mountPath: /tmp }
        - { name: config, mountPath: /etc/instinct, readOnly: true }
        {{- if include "instinct.strategies" . }}
        - { name: strategies, mountPath: /etc/instinct-strategies, readOnly: true }
        {{- end }}
        {{- if .Values.auth.keysSecret }}
        - { name: api-keys, mountPath: /run/secrets/api-keys, readOnly: true }
        {{- end }}
        {{- range $name, $secret := .Values.secretFiles }}
        - { name: secret-{{ $name }}, mountPath: /run/secrets/{{ $name }}, readOnly: true }
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: { sizeLimit: 256Mi }
    - name: config
      configMap: { name: {{ include "instinct.name" . }} }
    {{- with include "instinct.strategies" . }}
    - name: strategies
      configMap: { name: {{ . }} }
    {{- end }}
    {{- with .Values.auth.keysSecret }}
    - name: api-keys
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
    {{- range $name, $secret := .Values.secretFiles }}
    - name: secret-{{ $name }}
      secret: { secretName: {{ $secret }}, defaultMode: 0440 }
    {{- end }}
    {{- if include "instinct.redis" . }}
    # The journal of what could not be written yet, and the graphs of indexes. It goes with the pod, not with a restart of the container.
    - name: data
      emptyDir: { sizeLimit: {{ .Values.persistence.journalSize }} }
    {{- end }}
{{- end }}
