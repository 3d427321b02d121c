FROM python:3.11-slim-bookworm
# reasoning-gym brings pycosat, which has no wheel.
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev procps \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home decaymix && mkdir /var/lib/decaymix && chown decaymix /var/lib/decaymix
WORKDIR /opt/decaymix
COPY pyproject.toml constraints.txt ./
COPY decaymix decaymix
COPY service service
COPY workers workers
COPY mixtures mixtures
COPY db db
COPY studies studies
# For a CUDA build: --build-arg TORCH=2.13.0 --build-arg TORCH_INDEX=https://pypi.org/simple
ARG TORCH=2.13.0+cpu
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# Extras of pyproject.toml: --build-arg EXTRAS=[telemetry,lm-eval]
ARG EXTRAS=
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" \
    -c constraints.txt "torch==$TORCH" -e ".$EXTRAS" \
    && python -m compileall -q decaymix service workers mixtures db
# The root is read-only where docker-compose.yml runs it.
ENV PYTHONDONTWRITEBYTECODE=1 RAY_USAGE_STATS_ENABLED=0
USER decaymix
ENTRYPOINT ["decaymix"]
