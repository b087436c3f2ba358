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
         * Classify an image
         * @description PNG, JPEG or WebP of at most 16 megapixels, or raw RGB of the model's size. A body has at most 4.4 MB, whether it is an image, a form or JSON. The type is detected from the bytes; the declared type is ignored. Images of other sizes are fitted to the model: cropped to its aspect ratio, or padded or stretched if its card's `input.fit` says so, and scaled by area. Several images (form parts, a list of `inputs`, `instances`) are answered by a list; together they may have at most 16 megapixels, and the answer at most 30000 predictions.
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
         * Classify up to 64 images
         * @description Like `/classify`, but always answers with a list. An image that cannot be read does not fail the others.
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
        /** Get the model card: what the model is, how accurate, and how it was trained */
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
        /** Check that the process runs */
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
        /** Check that the served model can answer */
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
         * Run the served model
         * @description The input `images`, UINT8 `[n, height, width, 3]`, yields `probabilities`, FP32 `[n, classes]`, and, of a model that can tell, `unfamiliar`, BOOL `[n]`: whether an image is like none of the classes. The metadata has the outputs and the numbers of the model. The name of a model is that of its card, and `cifar10` is always the served one, whatever its classes.
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
        /** Get the metadata of the served model */
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
        /** Check that the served model can answer */
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
         * Run a version
         * @description The input `images`, UINT8 `[n, height, width, 3]`, yields `probabilities`, FP32 `[n, classes]`, and, of a model that can tell, `unfamiliar`, BOOL `[n]`: whether an image is like none of the classes. The metadata has the outputs and the numbers of the model. The name of a model is that of its card, and `cifar10` is always the served one, whatever its classes.
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
        /** Get the metadata of a version */
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
        /** Check that a version can answer */
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
        /** Get the metadata of the server */
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
        /** Check that the server runs */
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
        /** Check that the server can answer */
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
        /** List all routes; browsers get a web page */
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
        /** Get this description as OpenAPI */
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
        /** Read this description as a web page */
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
        /** @description An error, as RFC 9457 defines it. */
        Problem: {
            type: string;
            title: string;
            status: number;
            /** @description What is wrong, and what to do. */
            detail: string;
            instance: string;
            /** @description Identifies the problem, for programs. The gateway adds codes of its own. */
            code: string;
            hint?: string;
            /** @description The same as `detail`, for clients of the Open Inference Protocol and TensorFlow Serving. */
            error: string;
            request_id: string;
        };
        /** @description A class and its probability. */
        Prediction: {
            label: string;
            /** @description A probability, rounded to six decimals. */
            score: number;
            /** @description The class's index in the output of the model. */
            index: number;
        };
        /** @description Which parts of the image support the answer. */
        Explanation: {
            /** @constant */
            method: "occlusion";
            /** @description The class that is explained. */
            label: string;
            width: number;
            height: number;
            /** @description A grayscale PNG in Base64. The lighter a pixel, the more the probability drops if it is covered. */
            png: string;
            /** @description The drop in probability where the PNG is white. */
            largest: number;
        };
        /** @description The answer for one image. */
        ImageAnswer: {
            /** @description The most probable class. */
            label: string;
            /** @description A probability, rounded to six decimals. */
            score: number;
            /** @description The score is below the model's own threshold: such answers are wrong too often to be relied on. */
            uncertain: boolean;
            /** @description The image is like none of the classes, by what the network makes of it and by its texture. Absent where the model cannot tell. */
            unfamiliar?: boolean;
            /** @description The `top_k` most probable classes, best first. */
            predictions: components["schemas"]["Prediction"][];
            /** @description The image that was sent, and how it was resized. */
            input: {
                /** @description The media type, detected from the bytes. */
                type: string;
                width: number;
                height: number;
                /** @enum {string} */
                transform: "none" | "center-crop" | "area" | "center-crop+area" | "pad" | "area+pad" | "stretch";
                /** @description What is wrong with the file, where that did not affect the picture: such a file is taken. */
                repaired?: string;
            };
            explanation?: components["schemas"]["Explanation"];
        };
        /** @description The model that answered. */
        ModelName: {
            name: string;
            version: string;
            /** @description The alias that was requested, if any. */
            alias?: string;
        };
        /** @description The answer to a request with one image. */
        ClassifyAnswer: {
            /** @description The most probable class. */
            label: string;
            /** @description A probability, rounded to six decimals. */
            score: number;
            /** @description The score is below the model's own threshold: such answers are wrong too often to be relied on. */
            uncertain: boolean;
            /** @description The image is like none of the classes, by what the network makes of it and by its texture. Absent where the model cannot tell. */
            unfamiliar?: boolean;
            /** @description The `top_k` most probable classes, best first. */
            predictions: components["schemas"]["Prediction"][];
            /** @description The image that was sent, and how it was resized. */
            input: {
                /** @description The media type, detected from the bytes. */
                type: string;
                width: number;
                height: number;
                /** @enum {string} */
                transform: "none" | "center-crop" | "area" | "center-crop+area" | "pad" | "area+pad" | "stretch";
                /** @description What is wrong with the file, where that did not affect the picture: such a file is taken. */
                repaired?: string;
            };
            explanation?: components["schemas"]["Explanation"];
            model: components["schemas"]["ModelName"];
            /** @description Milliseconds. */
            timing_ms: {
                decode: number;
                predict: number;
                total: number;
            };
            /** @description The ID of the request in the log. */
            request_id: string;
        };
        /** @description One result for each image, in the order sent. An image that cannot be read does not fail the others. */
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
            /** @description The ID of the request in the log. */
            request_id: string;
        };
        /** @description The model card: what the model is, how accurate, and how it was trained. Accuracies are fractions. */
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
                /** @enum {string} */
                fit?: "crop" | "pad" | "stretch";
            };
            temperature: number;
            uncertainBelow: number;
            unfamiliar?: {
                energy: {
                    mean: number;
                    deviation: number;
                };
                texture: {
                    mean: {
                        roughness: number;
                        flatness: number;
                    };
                    precision: {
                        roughness: number;
                        flatness: number;
                        both: number;
                    };
                    distance: {
                        mean: number;
                        deviation: number;
                    };
                };
                above: number;
                images: number;
                share: number;
            };
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
                top5?: number;
                macro?: {
                    precision: number;
                    recall: number;
                    f1: number;
                };
                weighted?: {
                    precision: number;
                    recall: number;
                    f1: number;
                };
                macroAuc?: number;
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
                head?: {
                    kept: string[];
                    drawn: string[];
                    left: string[];
                };
                /** @constant */
                byDefault?: true;
            } | {
                file: string;
                sha256: string;
                head?: {
                    kept: string[];
                    drawn: string[];
                    left: string[];
                };
            };
            epochs: number;
            imageSteps?: number;
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
        /** @description The served model is loaded and has passed its golden images. */
        ReadyAnswer: {
            /** @constant */
            status: "ready";
            model: components["schemas"]["ModelName"];
            /** @description A newer version that cannot be loaded, so that the previous one still answers. */
            pending?: {
                version: string;
                reason: string;
            };
        };
        /** @description All routes, relative to this address. */
        IndexAnswer: {
            name: string;
            routes: {
                methods: string[];
                href: string;
            }[];
        };
        /** @description The format of Hugging Face's image classification. */
        HuggingFaceRequest: {
            inputs: string | string[];
            parameters?: {
                top_k?: number | null;
                strict?: boolean | null;
                version?: string | null;
                explain?: "occlusion" | null;
                function_to_apply?: "softmax" | null;
            } | null;
        };
        /** @description The format of TensorFlow Serving's REST API. */
        TensorFlowServingRequest: {
            instances: {
                /** @description An image in Base64 or base64url, with or without a `data:image/…;base64,` prefix. */
                b64: string;
            }[];
            signature_name?: string | null;
        };
        InferRequest: {
            id?: string | null;
            parameters?: {
                [key: string]: unknown;
            } | null;
            inputs: {
                name: string;
                shape: number[];
                datatype: string;
                parameters?: {
                    [key: string]: unknown;
                } | null;
                /** @description Integers from 0 to 255, flat or nested like the shape. */
                data: unknown[];
            }[];
            outputs?: {
                name: string;
                parameters?: {
                    classification?: number | null;
                } | null;
            }[] | null;
        };
        InferAnswer: {
            model_name: string;
            model_version: string;
            id?: string;
            outputs: {
                name: string;
                shape: number[];
                /** @enum {string} */
                datatype: "FP32" | "BYTES" | "BOOL";
                data: number[] | string[] | boolean[];
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
                /** @description Number of classes to return, best first; at most as many as the model has. */
                top_k?: number;
                /** @description Refuse images of another size than the model's, instead of fitting them to it. The name alone means 1. */
                strict?: "0" | "1" | "true" | "false" | "";
                /** @description A version's ID or an alias, instead of the served one. */
                version?: string;
                /** @description Return which parts of the image support the answer. One image only. */
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
                    /** @description One or more parts of this name, each an image file. */
                    image: Blob[];
                };
                "application/json": components["schemas"]["HuggingFaceRequest"] | components["schemas"]["TensorFlowServingRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ClassifyAnswer"] | components["schemas"]["BatchAnswer"];
                };
            };
            /** @description `bad-parameter`: Invalid parameter; `bad-body`: Invalid body; `corrupt-image`: Damaged image */
            400: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid-api-key`: Missing or invalid API key; `unsigned`, `invalid-signature`, `expired-token`, `access-denied`: Missing or refused signature. Refused by API Gateway */
            403: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: Body too large; `image-too-large`: Image too large */
            413: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-image`: Unsupported image type; `unsupported-encoding`: Unsupported content encoding */
            415: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong-size`: Wrong image size */
            422: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description Number of classes to return, best first; at most as many as the model has. */
                top_k?: number;
                /** @description Refuse images of another size than the model's, instead of fitting them to it. The name alone means 1. */
                strict?: "0" | "1" | "true" | "false" | "";
                /** @description A version's ID or an alias, instead of the served one. */
                version?: string;
                /** @description Return which parts of the image support the answer. One image only. */
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
                    /** @description One or more parts of this name, each an image file. */
                    image: Blob[];
                };
                "application/json": components["schemas"]["HuggingFaceRequest"] | components["schemas"]["TensorFlowServingRequest"];
            };
        };
        responses: {
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchAnswer"];
                };
            };
            /** @description `bad-parameter`: Invalid parameter; `bad-body`: Invalid body; `corrupt-image`: Damaged image */
            400: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid-api-key`: Missing or invalid API key; `unsigned`, `invalid-signature`, `expired-token`, `access-denied`: Missing or refused signature. Refused by API Gateway */
            403: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: Body too large; `image-too-large`: Image too large */
            413: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-image`: Unsupported image type; `unsupported-encoding`: Unsupported content encoding */
            415: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `wrong-size`: Wrong image size */
            422: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description A version's ID or an alias, instead of the served one. */
                version?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelAnswer"];
                };
            };
            /** @description `bad-parameter`: Invalid parameter */
            400: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LiveAnswer"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ReadyAnswer"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description The name in the model's card, or `cifar10`: the served model. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InferAnswer"];
                };
            };
            /** @description `bad-body`: Invalid body */
            400: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid-api-key`: Missing or invalid API key; `unsigned`, `invalid-signature`, `expired-token`, `access-denied`: Missing or refused signature. Refused by API Gateway */
            403: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-model`: Unknown model; `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: Body too large */
            413: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-encoding`: Unsupported content encoding */
            415: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description The name in the model's card, or `cifar10`: the served model. */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelMetadata"];
                };
            };
            /** @description `unknown-model`: Unknown model; `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description The name in the model's card, or `cifar10`: the served model. */
                model: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description `unknown-model`: Unknown model; `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description The name in the model's card, or `cifar10`: the served model. */
                model: string;
                /** @description A version's ID or an alias. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["InferAnswer"];
                };
            };
            /** @description `bad-body`: Invalid body */
            400: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `invalid-api-key`: Missing or invalid API key; `unsigned`, `invalid-signature`, `expired-token`, `access-denied`: Missing or refused signature. Refused by API Gateway */
            403: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unknown-model`: Unknown model; `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `body-too-large`: Body too large */
            413: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `unsupported-encoding`: Unsupported content encoding */
            415: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description The name in the model's card, or `cifar10`: the served model. */
                model: string;
                /** @description A version's ID or an alias. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelMetadata"];
                };
            };
            /** @description `unknown-model`: Unknown model; `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
                /** @description The name in the model's card, or `cifar10`: the served model. */
                model: string;
                /** @description A version's ID or an alias. */
                version: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description `unknown-model`: Unknown model; `unknown-version`: Unknown version */
            404: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ServerMetadata"];
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `no-model-yet`: No model is served yet; `model-unavailable`: Model unavailable */
            503: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IndexAnswer"];
                    "text/html": string;
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: unknown;
                    };
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
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
            /** @description Success */
            200: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description `throttled`, `busy`: Too many requests; `quota-exceeded`: No more for this key. Refused by API Gateway */
            429: {
                headers: {
                    /** @description The ID of the request in the log. */
                    "x-request-id"?: string;
                    /** @description Seconds to wait before a retry. */
                    "retry-after"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `internal`: Internal error */
            500: {
                headers: {
                    /** @description The ID of the request in the log. */
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
