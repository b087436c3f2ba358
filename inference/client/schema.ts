// Written by "npm run client" from the OpenAPI document. Do not edit.

export interface paths {
    "/classify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say what a picture shows
         * @description PNG, JPEG or WebP of at most 1 MiB and 4 megapixels, or raw RGB of the model's size. The bytes decide what a picture is, whatever they are called. Another size is cropped in the middle and scaled by area. Several pictures (parts, `inputs` as a list, `instances`) are answered as a list; together they have at most 16 megapixels.
         */
        post: operations["classify"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/classify/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Say what up to 64 pictures show
         * @description As `/classify`, and always answered as a list. One picture that cannot be taken fails alone.
         */
        post: operations["classifyBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/model": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the model is, how good, and how it was made */
        get: operations["getModel"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the process runs */
        get: operations["getLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the served model answers */
        get: operations["getReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/infer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Infer by the served model
         * @description One input `images`, UINT8 `[n, height, width, 3]`, gives `probabilities`, FP32 `[n, classes]`.
         */
        post: operations["infer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describe the served model */
        get: operations["getModelMetadata"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the served model answers */
        get: operations["getModelReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}/infer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Infer by a version
         * @description One input `images`, UINT8 `[n, height, width, 3]`, gives `probabilities`, FP32 `[n, classes]`.
         */
        post: operations["inferVersion"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describe a version */
        get: operations["getModelMetadataVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/models/{model}/versions/{version}/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether a version answers */
        get: operations["getModelReadyVersion"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Describe the server */
        get: operations["getServerMetadata"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server runs */
        get: operations["getServerLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the server answers */
        get: operations["getServerReady"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every address; for browsers a page */
        get: operations["getIndex"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This description */
        get: operations["getOpenApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This description, to read */
        get: operations["getDocs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What went wrong, after RFC 9457. */
        Problem: {
            type: string;
            title: string;
            status: number;
            /** @description What is wrong, and what to do. */
            detail: string;
            instance: string;
            /** @description Which problem it is, for programs. The gateway has some of its own. */
            code: string;
            hint?: string;
            /** @description The detail again, where the Open Inference Protocol and TensorFlow Serving look for it. */
            error: string;
            request_id: string;
        };
        /** @description A class and its probability. */
        Prediction: {
            label: string;
            /** @description A probability, to six decimals. */
            score: number;
            /** @description Of the class, as the model counts them. */
            index: number;
        };
        /** @description Which parts of the picture speak for the answer. */
        Explanation: {
            /** @constant */
            method: "occlusion";
            /** @description The class that it is about. */
            label: string;
            width: number;
            height: number;
            /** @description A grey PNG in Base64: the lighter, the more the probability falls when that part is covered. */
            png: string;
            /** @description By how much it falls where the PNG is white. */
            largest: number;
        };
        /** @description What one picture is taken for. */
        ImageAnswer: {
            /** @description The most probable class. */
            label: string;
            /** @description A probability, to six decimals. */
            score: number;
            /** @description The score is below the model's own threshold: such answers are wrong too often to be relied on. */
            uncertain: boolean;
            /** @description The best first, `top_k` of them. */
            predictions: components["schemas"]["Prediction"][];
            /** @description What was sent, and what was done to it. */
            input: {
                /** @description The media type that the bytes have. */
                type: string;
                width: number;
                height: number;
                /** @enum {string} */
                transform: "none" | "center-crop" | "area" | "center-crop+area";
            };
            explanation?: components["schemas"]["Explanation"];
        };
        /** @description Which model answered. */
        ModelName: {
            name: string;
            version: string;
            /** @description The name that it was asked for by, if that was an alias. */
            alias?: string;
        };
        /** @description The answer to one picture. */
        ClassifyAnswer: {
            /** @description The most probable class. */
            label: string;
            /** @description A probability, to six decimals. */
            score: number;
            /** @description The score is below the model's own threshold: such answers are wrong too often to be relied on. */
            uncertain: boolean;
            /** @description The best first, `top_k` of them. */
            predictions: components["schemas"]["Prediction"][];
            /** @description What was sent, and what was done to it. */
            input: {
                /** @description The media type that the bytes have. */
                type: string;
                width: number;
                height: number;
                /** @enum {string} */
                transform: "none" | "center-crop" | "area" | "center-crop+area";
            };
            explanation?: components["schemas"]["Explanation"];
            model: components["schemas"]["ModelName"];
            /** @description Milliseconds. */
            timing_ms: {
                decode: number;
                predict: number;
                total: number;
            };
            /** @description Under which the log knows the request. */
            request_id: string;
        };
        /** @description The answer to several pictures, in their order; one that cannot be taken fails alone. */
        BatchAnswer: {
            results: (components["schemas"]["ImageAnswer"] | {
                error: components["schemas"]["Problem"];
            })[];
            model: components["schemas"]["ModelName"];
            /** @description Milliseconds. */
            timing_ms: {
                decode: number;
                predict: number;
                total: number;
            };
            /** @description Under which the log knows the request. */
            request_id: string;
        };
        /** @description What a model is, how good, and how it was made. Accuracies are fractions. */
        ModelAnswer: {
            version: string;
            alias?: string;
            name: string;
            /** Format: date-time */
            createdAt: string;
            classes: string[];
            input: {
                height: number;
                width: number;
                channels: number;
                range: [
                    0,
                    255
                ];
            };
            temperature: number;
            uncertainBelow: number;
            accuracy: {
                plain: number;
                tta: number;
                images: number;
                interval95: [
                    number,
                    number
                ];
                perClass: {
                    [key: string]: number;
                };
            };
            loss: number;
            calibration?: {
                before: number;
                after: number;
            };
            data: {
                name: string;
                sha256: {
                    [key: string]: string;
                };
                heldOut: number;
            };
            recipe: {
                name: string;
                settings: {
                    [key: string]: unknown;
                };
            };
            seed: number;
            parent?: {
                version: string;
                alias?: string;
            } | {
                file: string;
                sha256: string;
            };
            epochs: number;
            kept?: {
                /** @enum {string} */
                weights: "last" | "best";
                step: number;
                epoch: number;
            };
            trainingSeconds: number;
            wallSeconds: number;
            parameters: number;
            engine: string;
            commit: string | null;
            host: {
                cpu: string;
                cores: number;
                memory: number;
                gpu?: string;
            };
            run: string;
            license: string;
            intendedUse: string;
            limits: string;
        };
        /** @description The process runs. */
        LiveAnswer: {
            /** @constant */
            status: "live";
        };
        /** @description The served model is loaded and has answered its golden images. */
        ReadyAnswer: {
            /** @constant */
            status: "ready";
            model: components["schemas"]["ModelName"];
            /** @description A version that should be served and cannot be, so that the one before it still answers. */
            pending?: {
                version: string;
                reason: string;
            };
        };
        /** @description Every address there is, relative to this one. */
        IndexAnswer: {
            name: string;
            routes: {
                methods: string[];
                href: string;
            }[];
        };
        /** @description As Hugging Face's image classification takes it. */
        HuggingFaceRequest: {
            inputs: string | string[];
            parameters?: {
                /** @description How many classes to name, from the best. */
                top_k?: number;
                /** @description Refuse pictures of another size than the model takes, instead of scaling them. */
                strict?: boolean;
                /** @description A version's id or an alias, instead of the one that is served. */
                version?: string;
                /**
                 * @description Say which parts of the picture speak for the answer; of one picture only.
                 * @constant
                 */
                explain?: "occlusion";
                /** @constant */
                function_to_apply?: "softmax";
            };
        };
        /** @description As TensorFlow Serving's REST interface takes it. */
        TensorFlowServingRequest: {
            instances: {
                /** @description A picture in Base64, with or without `data:image/…;base64,` before it; URL-safe digits are taken too. */
                b64: string;
            }[];
            signature_name?: string;
        };
        InferRequest: {
            id?: string;
            parameters?: {
                [key: string]: unknown;
            };
            inputs: {
                name: string;
                shape: number[];
                datatype: string;
                parameters?: {
                    [key: string]: unknown;
                };
                /** @description Whole numbers from 0 to 255, flat or nested as the shape. */
                data: unknown[];
            }[];
            outputs?: {
                name: string;
                parameters?: {
                    /** @description Name that many classes, the best first, as `score:index:label`. */
                    classification?: number;
                };
            }[];
        };
        InferAnswer: {
            model_name: string;
            model_version: string;
            id?: string;
            outputs: {
                name: string;
                shape: number[];
                /** @enum {string} */
                datatype: "FP32" | "BYTES";
                data: number[] | string[];
            }[];
        };
        ModelMetadata: {
            name: string;
            versions: string[];
            platform: string;
            inputs: {
                name: string;
                datatype: string;
                shape: number[];
            }[];
            outputs: {
                name: string;
                datatype: string;
                shape: number[];
            }[];
        };
        ServerMetadata: {
            name: string;
            version: string;
            extensions: string[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    classify: {
        parameters: {
            query?: {
                /** @description How many classes to name, from the best. */
                top_k?: number;
                /** @description Refuse pictures of another size than the model takes, instead of scaling them. The name alone means 1. */
                strict?: "0" | "1" | "true" | "false" | "";
                /** @description A version's id or an alias, instead of the one that is served. */
                version?: string;
                /** @description Say which parts of the picture speak for the answer; of one picture only. */
                explain?: "occlusion";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "image/png": Uint8Array<ArrayBuffer>;
                "image/jpeg": Uint8Array<ArrayBuffer>;
                "image/webp": Uint8Array<ArrayBuffer>;
                "application/octet-stream": Uint8Array<ArrayBuffer>;
                "multipart/form-data": {
                    /** @description One part of this name, or several: each a picture. */
                    image: Blob[];
                };
                "application/json": components["schemas"]["HuggingFaceRequest"] | components["schemas"]["TensorFlowServingRequest"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClassifyAnswer"] | components["schemas"]["BatchAnswer"];
                };
            };
            /** @description `bad-parameter`: A parameter cannot be used; `bad-body`: The body cannot be read; `corrupt-image`: The image is damaged */
            400: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway was given no API key, or one that it does not know */
            403: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: The body is too large; `image-too-large`: The image is too large */
            413: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-image`: The body is no image of a kind that is taken; `unsupported-encoding`: The body is compressed */
            415: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong-size`: The image has another size */
            422: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    classifyBatch: {
        parameters: {
            query?: {
                /** @description How many classes to name, from the best. */
                top_k?: number;
                /** @description Refuse pictures of another size than the model takes, instead of scaling them. The name alone means 1. */
                strict?: "0" | "1" | "true" | "false" | "";
                /** @description A version's id or an alias, instead of the one that is served. */
                version?: string;
                /** @description Say which parts of the picture speak for the answer; of one picture only. */
                explain?: "occlusion";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "image/png": Uint8Array<ArrayBuffer>;
                "image/jpeg": Uint8Array<ArrayBuffer>;
                "image/webp": Uint8Array<ArrayBuffer>;
                "application/octet-stream": Uint8Array<ArrayBuffer>;
                "multipart/form-data": {
                    /** @description One part of this name, or several: each a picture. */
                    image: Blob[];
                };
                "application/json": components["schemas"]["HuggingFaceRequest"] | components["schemas"]["TensorFlowServingRequest"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchAnswer"];
                };
            };
            /** @description `bad-parameter`: A parameter cannot be used; `bad-body`: The body cannot be read; `corrupt-image`: The image is damaged */
            400: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway was given no API key, or one that it does not know */
            403: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: The body is too large; `image-too-large`: The image is too large */
            413: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-image`: The body is no image of a kind that is taken; `unsupported-encoding`: The body is compressed */
            415: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong-size`: The image has another size */
            422: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModel: {
        parameters: {
            query?: {
                /** @description A version's id or an alias, instead of the one that is served. */
                version?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelAnswer"];
                };
            };
            /** @description `bad-parameter`: A parameter cannot be used */
            400: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LiveAnswer"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyAnswer"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    infer: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `cifar10` */
                model: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InferRequest"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InferAnswer"];
                };
            };
            /** @description `bad-body`: The body cannot be read */
            400: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway was given no API key, or one that it does not know */
            403: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-model`: There is no such model; `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: The body is too large */
            413: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-encoding`: The body is compressed */
            415: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModelMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `cifar10` */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelMetadata"];
                };
            };
            /** @description `unknown-model`: There is no such model; `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModelReady: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `cifar10` */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        name: string;
                        /** @constant */
                        ready: true;
                    };
                };
            };
            /** @description `unknown-model`: There is no such model; `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    inferVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `cifar10` */
                model: string;
                /** @description A version's id, or an alias. */
                version: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["InferRequest"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InferAnswer"];
                };
            };
            /** @description `bad-body`: The body cannot be read */
            400: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The gateway was given no API key, or one that it does not know */
            403: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-model`: There is no such model; `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: The body is too large */
            413: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-encoding`: The body is compressed */
            415: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModelMetadataVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `cifar10` */
                model: string;
                /** @description A version's id, or an alias. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelMetadata"];
                };
            };
            /** @description `unknown-model`: There is no such model; `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getModelReadyVersion: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `cifar10` */
                model: string;
                /** @description A version's id, or an alias. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        name: string;
                        /** @constant */
                        ready: true;
                    };
                };
            };
            /** @description `unknown-model`: There is no such model; `unknown-version`: There is no such version */
            404: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getServerMetadata: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServerMetadata"];
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getServerLive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        live: true;
                    };
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getServerReady: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        ready: true;
                    };
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: The model cannot be served now */
            503: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    /** @description Seconds. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getIndex: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IndexAnswer"];
                    "text/html": string;
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getOpenApi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDocs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description More requests than the gateway lets through */
            429: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: The request failed here */
            500: {
                headers: {
                    /** @description Under which the log knows the request. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
